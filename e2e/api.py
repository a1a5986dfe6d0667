"""Plain HTTP: what a client without an SDK sends, and helpers that several tests share."""

import requests
from installation import PATIENCE_SECONDS

INSTITUTION = "pila_co_employment"
ONE_EMPLOYER = "1999000001"
TWO_EMPLOYERS = "1999000002"
# Everybody whom the simulated operator always knows.
PEOPLE = [ONE_EMPLOYER, TWO_EMPLOYERS, "1999000003", "1999000004", "1999000005"]
UNKNOWN = "1999000404"


class Api:
    """Requests with keys, or without. Redirects are never followed: none must be needed."""

    def __init__(self, url, keys=None):
        self.url = url
        self._session = requests.Session()
        # Neither proxies nor a .netrc of the person at the keyboard.
        self._session.trust_env = False
        if keys:
            self._session.auth = (keys["secret_id"], keys["secret_password"])

    def send(self, method, path, **options):
        """The answer to a request; `path` may also be a whole address."""
        address = path if path.startswith("http") else self.url + path
        options = {"timeout": PATIENCE_SECONDS, "allow_redirects": False, **options}
        return self._session.request(method, address, **options)

    def get(self, path, params=None, **options):
        return self.send("GET", path, params=params, **options)

    def post(self, path, body, **options):
        return self.send("POST", path, json=body, **options)

    def patch(self, path, body, **options):
        return self.send("PATCH", path, json=body, **options)

    def delete(self, path, **options):
        return self.send("DELETE", path, **options)

    def create_link(self, username, **fields):
        """A new link, as it was answered."""
        body = {"institution": INSTITUTION, "username": username, **fields}
        return answered(self.post("/api/links/", body), 201)

    def single_link(self, username, **fields):
        return self.create_link(username, access_mode="single", **fields)

    def retrieve(self, kind, link):
        """What the source has for a link, stored: `co/employments` or `owners`."""
        return answered(self.post(f"/api/{kind}/", {"link": link["id"]}), 201)


def answered(response, status):
    """The JSON of an answer that must have this status."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    return response.json()
