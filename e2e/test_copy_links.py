"""scripts/copy-links from one server, which plays the old API, to another."""

import csv
import io
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from installation import PATIENCE_SECONDS, Vinculo

SCRIPT = Path(__file__).parent.parent / "scripts" / "copy-links"
BOTH = ["EMPLOYMENTS", "OWNERS"]
COPIED = [
    "institution",
    "access_mode",
    "fetch_resources",
    "external_id",
    "credentials_storage",
    "stale_in",
    "refresh_rate",
]
# Body of a registration without its institution; by the name the tests give the link.
LINKS = {
    "recurrent": {
        "username": "1999000001",
        "access_mode": "recurrent",
        "external_id": "copy-1",
        "fetch_resources": BOTH,
    },
    "single": {
        "username": "1999000002",
        "access_mode": "single",
        "external_id": "copy-2",
        "fetch_resources": ["OWNERS"],
        "credentials_storage": "30d",
        "stale_in": "90d",
    },
    "without a reference": {"username": "1999000003", "access_mode": "single"},
    "unmapped": {"username": "1999000004", "access_mode": "single", "external_id": "copy-4"},
    "forgotten": {
        "username": "1999000005",
        "access_mode": "single",
        "external_id": "copy-5",
        "fetch_resources": ["EMPLOYMENTS"],
        "credentials_storage": "nostore",
    },
}


class Side:
    """One API: its address and key."""

    def __init__(self, url, keys):
        self.url = url
        self.keys = keys
        self.auth = (keys["secret_id"], keys["secret_password"])

    def links(self, **query):
        answer = requests.get(f"{self.url}/api/links/", params=query, auth=self.auth)
        answer.raise_for_status()
        return answer.json()["results"]

    def variables(self, name):
        return {
            f"{name}_URL": self.url,
            f"{name}_SECRET_ID": self.keys["secret_id"],
            f"{name}_SECRET_PASSWORD": self.keys["secret_password"],
        }


@pytest.fixture(scope="module")
def new(vinculo):
    # Production has no people, and the sandbox of the other tests has links.
    return Side(vinculo.url, vinculo.run("keys", "create", "--environment", "sandbox"))


@pytest.fixture(scope="module")
def old(request, tmp_path_factory, receiver):
    binary = request.config.getoption("binary")
    server = Vinculo(binary, tmp_path_factory.mktemp("old"))
    try:
        server.start()
        server.run("webhooks", "create", "--environment", "sandbox", "--url", receiver.url)
        yield Side(server.url, server.run("keys", "create", "--environment", "sandbox"))
    finally:
        server.stop()


@pytest.fixture(scope="module")
def links(old, receiver):
    """Links of the old API by name."""
    made = {}
    for name, body in LINKS.items():
        body = body | {"institution": "pila_co_employment"}
        answer = requests.post(f"{old.url}/api/links/", json=body, auth=old.auth)
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()
    daily = {"refresh_rate": "24h"}
    path = f"{old.url}/manage/v1/links/{made['recurrent']['id']}/"
    assert requests.patch(path, json=daily, auth=old.auth).status_code == 200
    made["recurrent"] |= daily
    # It becomes invalid with its first load.
    receiver.wait_for(made["forgotten"]["id"], "EMPLOYMENTS")
    return made


@pytest.fixture
def people(tmp_path, links):
    """The table of the script, without the unmapped link."""
    path = tmp_path / "people.csv"
    path.write_text(
        "id,external_id,username,username_type\n"
        ",copy-1,1999000001,001\n"
        f"{links['single']['id'].upper()},,1999000002,\n"
        f"{links['without a reference']['id']},,1.999.000.003,\n"
        ",copy-5,1999000005,\n"
    )
    return path


def copy(variables, *arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def table(done):
    """Rows by old id."""
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    by_id = {row["old_id"]: (row["new_id"], row["status"]) for row in rows}
    assert len(by_id) == len(rows), done.stdout
    return by_id


def test_a_dry_run_copies_nothing(old, new, links, people):
    before = len(new.links(page_size=1000))
    done = copy(old.variables("OLD"), people, "--dry-run", "--page-size", "2")
    assert (done.returncode, done.stderr) == (1, "")
    found = table(done)
    assert found == {
        links["recurrent"]["id"]: ("", "would be created"),
        links["single"]["id"]: ("", "would be created"),
        links["without a reference"]["id"]: ("", "would be created"),
        links["unmapped"]["id"]: ("", "no username"),
        links["forgotten"]["id"]: ("", "skipped: status invalid"),
    }
    assert len(new.links(page_size=1000)) == before


def test_links_are_copied_once(old, new, links, people, tmp_path):
    variables = old.variables("OLD") | new.variables("NEW")
    before = {link["id"] for link in new.links(page_size=1000)}
    first = copy(variables, people, "--page-size", "2")
    assert (first.returncode, first.stderr) == (1, "")
    copied = table(first)
    for name in ("recurrent", "single", "without a reference"):
        new_id, status = copied[links[name]["id"]]
        assert status == "created"
        [link] = new.links(id=new_id)
        assert {key: link[key] for key in COPIED} == {key: links[name][key] for key in COPIED}
    assert copied[links["unmapped"]["id"]] == ("", "no username")
    made = {new_id for new_id, status in copied.values() if status == "created"}

    again = copy(variables, people)
    assert table(again) == {
        old_id: (new_id, "replayed" if new_id else status)
        for old_id, (new_id, status) in copied.items()
    }
    printed = tmp_path / "copied.csv"
    printed.write_text(first.stdout)
    later = table(copy(variables, people, "--done", printed))
    assert [later[links[name]["id"]] for name in ("recurrent", "unmapped")] == [
        (copied[links["recurrent"]["id"]][0], "done before"),
        ("", "no username"),
    ]
    assert {link["id"] for link in new.links(page_size=1000)} - before == made

    for text in (first.stdout, again.stdout):
        assert "19990000" not in text.replace("-", ""), "the output names nobody"


def test_a_refusal_is_told_and_the_others_go_on(old, new, links, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text("external_id,username\ncopy-4,1999000404\ncopy-5,1999000005\n")
    variables = old.variables("OLD") | new.variables("NEW")
    done = copy(variables, people, "--include-invalid")
    found = table(done)
    assert done.returncode == 1
    new_id, status = found[links["unmapped"]["id"]]
    assert new_id == ""
    assert status.startswith("refused: 400 login_error"), status
    assert found[links["forgotten"]["id"]][1] == "created"
    assert found[links["recurrent"]["id"]] == ("", "no username")

    # Nothing was kept of the refusal: the same link can be copied once the table is right.
    people.write_text("external_id,username\ncopy-4,1999000004\n")
    assert table(copy(variables, people))[links["unmapped"]["id"]][1] == "created"


@pytest.mark.parametrize(
    "content, problem",
    [
        ("external_id\ncopy-1\n", "people.csv: no column username in the header"),
        ("external_id,username\ncopy-1,\n", "people.csv:2: no username"),
        ("external_id,username\n,1999000001\n", "people.csv:2: neither id nor external_id"),
        (
            "external_id,username\ncopy-1,1999000001\ncopy-1,1999000002\n",
            "people.csv:3: external_id copy-1 is somebody else further up",
        ),
        ("", "people.csv: no column username in the header"),
    ],
)
def test_a_wrong_table_is_refused(old, tmp_path, content, problem):
    people = tmp_path / "people.csv"
    people.write_text(content)
    done = copy(old.variables("OLD"), people, "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("copy-links: ") and done.stderr.rstrip().endswith(problem)


def test_wrong_settings_are_refused(old, new, people):
    right = old.variables("OLD") | new.variables("NEW")
    for name, value, problem in [
        ("OLD_SECRET_ID", "", "set OLD_SECRET_ID in the environment"),
        ("NEW_URL", "", "set NEW_URL in the environment"),
        ("NEW_URL", "vinculo.example", "NEW_URL is not an address such as"),
        ("OLD_SECRET_PASSWORD", "wrong", f"OLD: {old.url} refuses the key (401)"),
        ("OLD_URL", "http://127.0.0.1:1", "OLD: http://127.0.0.1:1 does not answer"),
    ]:
        done = copy(right | {name: value}, people)
        assert (done.returncode, done.stdout.count("\n")) in ((2, 0), (2, 1)), done.stdout
        assert problem in done.stderr
        assert right["OLD_SECRET_PASSWORD"] not in done.stderr
    missing = copy(right, "nowhere.csv", "--dry-run")
    assert missing.returncode == 2 and "nowhere.csv" in missing.stderr


class OldApi:
    """An old API with a list of its own."""

    def __init__(self, answers):
        """`answers`: status, headers and JSON of one request after the other."""
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, content = answers[min(len(asked), len(answers) - 1)]
                asked.append(self.path)
                body = json.dumps(content).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.variables = {
            "OLD_URL": f"http://127.0.0.1:{self._server.server_port}",
            "OLD_SECRET_ID": "id",
            "OLD_SECRET_PASSWORD": "password",
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def link_of(number, institution="pila_co_employment"):
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "institution": institution,
        "status": "valid",
        "external_id": None,
    }


def test_other_institutions_are_skipped_and_a_link_that_moved_is_met_once(people):
    pages = [
        {"next": "https://elsewhere.example/?page=2", "results": [link_of(2, "planet_mx_employment"), link_of(1)]},
        {"next": None, "results": [link_of(1)]},
    ]
    # Asked to come back, it does.
    busy = (429, {"Retry-After": "0"}, [{"code": "too_many_requests"}])
    with OldApi([busy, *((200, {}, page) for page in pages)]) as api:
        done = copy(api.variables, people, "--dry-run", "--page-size", "2")
    assert table(done) == {
        link_of(2)["id"]: ("", "skipped: institution planet_mx_employment"),
        link_of(1)["id"]: ("", "no username"),
    }
    first, second = ("/api/links/?page_size=2&page=1", "/api/links/?page_size=2&page=2")
    assert api.asked == [first, first, second]


def test_a_pace_that_is_not_known_here_is_told(new, tmp_path):
    people = tmp_path / "people.csv"
    people.write_text(f"id,username\n{link_of(6)['id']},1999000006\n")
    link = link_of(6) | {"access_mode": "recurrent", "refresh_rate": "48h"}
    with OldApi([(200, {}, {"next": None, "results": [link]})]) as api:
        done = copy(api.variables | new.variables("NEW"), people)
    new_id, status = table(done)[link["id"]]
    assert done.returncode == 1
    assert status.startswith("created; refresh_rate 7d, not 48h: 400 invalid_choice"), status
    assert [link["refresh_rate"] for link in new.links(id=new_id)] == ["7d"]

    # It is tried again, as often as it takes, and the link is not made twice.
    printed = tmp_path / "copied.csv"
    printed.write_text(done.stdout)
    for rate, code, told in [
        ("48h", 1, "done before; refresh_rate 7d, not 48h: 400 invalid_choice"),
        ("24h", 0, "done before"),
        ("24h", 0, "done before"),
    ]:
        link["refresh_rate"] = rate
        with OldApi([(200, {}, {"next": None, "results": [link]})]) as api:
            done = copy(api.variables | new.variables("NEW"), people, "--done", printed)
        assert (done.returncode, done.stderr) == (code, "")
        again, status = table(done)[link["id"]]
        assert again == new_id and status.startswith(told), status
        printed.write_text(done.stdout)
    assert [link["refresh_rate"] for link in new.links(id=new_id)] == ["24h"]


@pytest.mark.parametrize(
    "answer, problem",
    [
        ((302, {"Location": "/elsewhere/"}, {}), "answered 302"),
        ((500, {}, [{"code": "unexpected_error", "message": "Sorry"}]), "unexpected_error Sorry"),
        ((200, {}, ["no page"]), "answered 200"),
    ],
)
def test_an_old_api_that_is_none_is_told(people, answer, problem):
    with OldApi([answer]) as api:
        done = copy(api.variables, people, "--dry-run")
    assert done.returncode == 2 and problem in done.stderr, done.stderr
    assert len(api.asked) == 1
