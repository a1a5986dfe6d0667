"""Hooks for schemathesis: things that exist, for half of the requests, and a tally of the answers.

A generated id is nobody's, and whatever is asked about it is 404. So every second request, chosen
by its own contents and therefore the same for the same seed, is about objects that are there:
links, employments and owners of the sandbox's people, imports. What a request uses up is made for
it.

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

KEYS = {
    "secret_id": os.environ["VINCULO_E2E_ID"],
    "secret_password": os.environ["VINCULO_E2E_PASSWORD"],
}
API = Api(os.environ["VINCULO_E2E_URL"], KEYS)
PILA = 4001
SCOPES = ["read_institutions", "read_institutions,write_links", "read_links"]
KEY_OF_REPEATS = "Idempotency-Key"
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
            case "links":
                return self._new_link("single")["id"]
            case "recurrent links":
                return self._new_link("recurrent")["id"]
            case "employments":
                return API.retrieve("co/employments", self._new_link("single"))[0]["id"]
            case "owners":
                return API.retrieve("owners", self._new_link("single"))[0]["id"]
        raise ValueError(f"nothing is known of {kind}")

    def allow_repeated_links(self):
        """Undoes what a generated request may have decided about second links of a person."""
        answered(API.patch("/manage/v1/settings/", {"allow_duplicate_links": True}), 200)

    def _new_link(self, mode):
        self.allow_repeated_links()
        return API.create_link(next(self._people), access_mode=mode)


STOCK = Stock()
TALLY = defaultdict(Counter)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts what exists into every second request."""
    generated = (case.method, case.path, case.path_parameters, case.query, case.body)
    choice = crc32(repr(generated).encode(errors="surrogatepass"))
    if choice % 2 == 0:
        return
    pick = choice // 2
    kind = kind_of(case.path)
    if "id" in (case.path_parameters or {}):
        # A link is refreshed once in ten minutes.
        used_up = case.path.endswith("/refresh/") or case.method.upper() == "DELETE"
        case.path_parameters = {**case.path_parameters, "id": path_id(kind, pick, used_up)}
        if "call" in case.path_parameters:
            calls = f"/manage/v1/links/{case.path_parameters['id']}/source-calls/"
            call = answered(API.get(calls), 200)["results"][0]["id"]
            case.path_parameters = {**case.path_parameters, "call": call}
    if case.query:
        case.query = {name: queried(name, value, kind, pick) for name, value in case.query.items()}
    if isinstance(case.body, dict):
        if kind == "links":
            STOCK.allow_repeated_links()
        body = case.body
        if kind == "token" and ("id" in body or "password" in body):
            # One without the other is no key.
            body = {"id": None, "password": None, **body}
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
        case "username":
            return chosen(PEOPLE, pick)
        case "institution":
            return INSTITUTION
        case "id":
            return KEYS["secret_id"]
        case "password":
            return KEYS["secret_password"]
        case "scopes":
            return chosen(SCOPES, pick)
        case _:
            return value


def chosen(values, pick):
    return values[pick % len(values)]
