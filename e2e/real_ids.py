"""Hooks for schemathesis: things that exist, for half of the requests, and a tally of the answers.

A generated id is nobody's, and whatever is asked about it is 404. So every second request, chosen
by its own contents and therefore the same for the same seed, is about objects that are there:
links, employments and owners of the sandbox's people, consents of others, imports, cohorts, API keys. What a
request uses up is made for it.

Reads VINCULO_E2E_URL, VINCULO_E2E_ID and VINCULO_E2E_PASSWORD; writes to VINCULO_E2E_TALLY what was
answered, {operation: {status: times}}.
"""

import atexit
import json
import os
from collections import Counter, defaultdict
from itertools import count, cycle
from pathlib import Path
from zlib import crc32

import schemathesis
from api import INSTITUTION, PEOPLE, Api, answered
from schemathesis.core import NotSet

KEYS = {
    "secret_id": os.environ["VINCULO_E2E_ID"],
    "secret_password": os.environ["VINCULO_E2E_PASSWORD"],
}
API = Api(os.environ["VINCULO_E2E_URL"], KEYS)
PILA = 4001
SCOPES = ["read_institutions", "read_institutions,write_links", "read_links"]
KEY_OF_REPEATS = "Idempotency-Key"
NOBODY = "http://127.0.0.1:9/"
# Chooses how a question ends; a generated delay would only cost time.
WISH = "X-Vinculo-Sandbox"
# A file of which no link is made.
COHORT = b"document\nno document\n"
# Objects of each kind that stay.
KEPT = 5


class Stock:
    """Objects that exist: some that stay, and new ones for whoever uses them up."""

    def __init__(self):
        self._people = cycle(PEOPLE)
        self._numbers = count(1)
        self._kept = {}

    def kept(self, kind):
        """The ids of a kind that nothing removes."""
        if kind not in self._kept:
            self._kept[kind] = [self.new(kind) for _ in range(KEPT)]
        return self._kept[kind]

    def new(self, kind):
        """The id of a new object."""
        match kind:
            case "imports":
                body = f"no planilla {next(self._numbers)}"
                return answered(API.send("POST", "/manage/v1/imports/", data=body), 202)["id"]
            case "cohorts":
                return answered(API.send("POST", "/manage/v1/cohorts/", data=COHORT), 202)["id"]
            case "keys":
                return answered(API.post("/manage/v1/keys/", {}), 201)["id"]
            case "consents":
                # Of people without links: whoever revokes must not close what others ask for.
                document = f"19990009{next(self._numbers) % 100:02}"
                return answered(API.post("/manage/v1/consents/", consent(document)), 201)["id"]
            case "links":
                return self._new_link("single")["id"]
            case "recurrent links":
                return self._new_link("recurrent")["id"]
            case "employments":
                return API.retrieve("co/employments", self._new_link("single"))[0]["id"]
            case "webhook-endpoints":
                # Nobody listens there, and little is sent.
                body = {"url": NOBODY, "webhook_types": ["LINK"]}
                return answered(API.post("/manage/v1/webhook-endpoints/", body), 201)["id"]
            case "events":
                path = f"/manage/v1/webhook-endpoints/{self.new('webhook-endpoints')}/test/"
                return answered(API.post(path, {}), 202)["event"]
            case "deliveries":
                path = f"/manage/v1/deliveries/?event={self.new('events')}"
                return answered(API.get(path), 200)["results"][0]["id"]
            case "owners":
                return API.retrieve("owners", self._new_link("single"))[0]["id"]
        raise ValueError(f"nothing is known of {kind}")

    def allow_links(self):
        """Undoes what a generated request may have decided about second links and consents."""
        decided = {"allow_duplicate_links": True, "require_consent": False}
        answered(API.patch("/manage/v1/settings/", decided), 200)

    def _new_link(self, mode):
        self.allow_links()
        return API.create_link(next(self._people), access_mode=mode)


STOCK = Stock()
TALLY = defaultdict(Counter)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts what exists into every second request."""
    case.headers.pop(WISH, None)
    # Without a body there is an object whose text is an address, another one in every run.
    body = None if isinstance(case.body, NotSet) else case.body
    generated = (case.method, case.path, case.path_parameters, case.query, body)
    choice = crc32(repr(generated).encode(errors="surrogatepass"))
    if choice % 2 == 0:
        return
    pick = choice // 2
    kind = kind_of(case.path)
    if "id" in (case.path_parameters or {}):
        # A link is refreshed once in ten minutes, a key rotated once until its old password is retired, and so is
        # the secret of an endpoint.
        # An endpoint may have been disabled by a request before.
        # The person of a link that is kept may have been erased, and the link with them.
        fresh = case.path.endswith(("/refresh/", "/rotate/", "/rotate-secret/", "/test/", "/{call}/"))
        used_up = fresh or case.method.upper() == "DELETE"
        case.path_parameters = {**case.path_parameters, "id": path_id(kind, pick, used_up)}
        if "call" in case.path_parameters:
            calls = f"/manage/v1/links/{case.path_parameters['id']}/source-calls/"
            call = answered(API.get(calls), 200)["results"][0]["id"]
            case.path_parameters = {**case.path_parameters, "call": call}
    if case.query:
        # What the operation does not have may be generated, too.
        case.query = {
            name: queried(name, value, kind, pick) if name in case.operation.query else value
            for name, value in case.query.items()
        }
    if kind == "cohorts" and case.method.upper() == "POST":
        # No generated text is a table.
        case.query, case.body = {}, COHORT
    if isinstance(case.body, dict):
        if kind in ("links", "employments", "owners"):
            STOCK.allow_links()
        body = case.body
        if kind == "token" and ("id" in body or "password" in body):
            # One without the other is no key.
            body = {"id": None, "password": None, **body}
        if kind == "webhook-endpoints" and case.method.upper() == "POST":
            body = {**body, "webhook_types": None}
        case.body = {name: sent(name, value, pick) for name, value in body.items()}
    if KEY_OF_REPEATS in case.headers:
        # The generated ones are few, and each opens for one request only.
        case.headers[KEY_OF_REPEATS] = f"{choice:08x}"


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answer, unless the method was one that the operation does not have."""
    if case.method.upper() == case.operation.method.upper():
        TALLY[case.operation.label][response.status_code] += 1


@atexit.register
def write_tally():
    Path(os.environ["VINCULO_E2E_TALLY"]).write_text(json.dumps(TALLY))


def kind_of(path):
    """What an address is about: its last word before an id."""
    # Only a recurrent link has a pace.
    if path.startswith("/manage/v1/links/"):
        return "recurrent links"
    return path.partition("{id}")[0].strip("/").rpartition("/")[2]


def path_id(kind, pick, used_up):
    if kind == "institutions":
        return PILA
    return STOCK.new(kind) if used_up else chosen(STOCK.kept(kind), pick)


def queried(name, value, kind, pick):
    """What to ask for under a name of the query instead of a generated value."""
    match name:
        case "link":
            return chosen(STOCK.kept("links"), pick)
        case "link__in":
            return STOCK.kept("links")[: 1 + pick % KEPT]
        case "endpoint":
            return chosen(STOCK.kept("webhook-endpoints"), pick)
        case "endpoint__in":
            return STOCK.kept("webhook-endpoints")[: 1 + pick % KEPT]
        case "event":
            return chosen(STOCK.kept("events"), pick)
        case "id":
            return chosen(STOCK.kept(kind), pick)
        case "id__in":
            return STOCK.kept(kind)[: 1 + pick % KEPT]
        case _:
            return value


def sent(name, value, pick):
    """What to send under a name of the body instead of a generated value."""
    match name:
        case "link" | "link_id":
            return chosen(STOCK.kept("links"), pick)
        case "url":
            return NOBODY
        case "webhook_types":
            return ["LINK"]
        case "authorization":
            return "generated"
        case "endpoint":
            return STOCK.new("webhook-endpoints")
        case "webhook_type":
            return "TEST"
        case "status":
            return "failed"
        case "created_at__gte" | "created_at__lt":
            return "2026-11-24"
        case "username":
            return chosen(PEOPLE, pick)
        case "institution":
            return INSTITUTION
        case "id":
            return KEYS["secret_id"]
        case "password":
            return KEYS["secret_password"]
        case "scopes" if isinstance(value, list):
            # Those of a key; the generated ones may be no words.
            return ["read", "keys"]
        case "scopes":
            return chosen(SCOPES, pick)
        case "allow_list":
            return ["192.0.2.0/24"]
        case "expires_at" | "old_password_until":
            return "2999-01-01T00:00:00Z"
        case _:
            return value


def consent(document):
    """A request that records a consent of somebody."""
    return {
        "document_type": "CC",
        "document_number": document,
        "resources": ["EMPLOYMENTS"],
        "purpose": "Estudio de crédito",
        "method": "api_attestation",
        "text_version": "2026-03",
        "language": "es",
    }


def chosen(values, pick):
    return values[pick % len(values)]
