"""What the running server serves to people: the documentation, the document, the collection."""

import re
from urllib.parse import urljoin

import pytest
from api import Api, answered

NEEDED = re.compile(r'(?:src|href)="([^"]+)"')


@pytest.fixture(scope="module")
def stranger(vinculo):
    return Api(vinculo.url)


def test_the_documentation_comes_whole_from_the_server(vinculo, stranger):
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    files = NEEDED.findall(page.text)
    assert {"css", "js"} <= {name.rpartition(".")[2] for name in files}
    for name in files:
        address = urljoin(page.url, name)
        assert address.startswith(f"{vinculo.url}/"), "a browser would go elsewhere"
        answer = stranger.get(address)
        assert (answer.status_code, bool(answer.content)) == (200, True), name


def test_the_document_and_the_command_say_the_same(vinculo, stranger):
    document = answered(stranger.get("/api/openapi.json"), 200)
    assert document == vinculo.document()
    assert document["openapi"].startswith("3.1.")
    assert "/api/co/employments/" in document["paths"]


def requests_of(items, way=()):
    """Every request of a collection with the names of the folders it is in."""
    for item in items:
        if "item" in item:
            yield from requests_of(item["item"], (*way, item["name"]))
        else:
            yield (*way, item["name"]), item["request"]


def test_the_collection_has_a_request_for_every_operation(vinculo, stranger):
    collection = answered(stranger.get("/api/postman.json"), 200)
    assert collection["item"] == vinculo.document("--postman")["item"]
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    variables = {variable["key"]: variable["value"] for variable in collection["variable"]}
    assert variables == {"baseUrl": vinculo.url, "secretId": "", "secretPassword": ""}
    document = stranger.get("/api/openapi.json").json()
    operations = sum(len(item) for item in document["paths"].values())
    assert len(list(requests_of(collection["item"]))) == operations


def test_requests_of_the_collection_can_be_sent(sandbox, stranger):
    """As Postman does: variables filled in, the rest as it is written."""
    collection = stranger.get("/api/postman.json").json()
    sent = 0
    for name, request in requests_of(collection["item"]):
        address = request["url"]["raw"].replace("{{baseUrl}}", sandbox.url)
        if request["method"] != "GET" or "{{" in address or "/:" in address:
            continue
        answer = sandbox.get(address)
        # A list of employments needs to be told whose; everything else is there for the asking.
        expected = 400 if address.partition("?")[0].endswith("/employments/") else 200
        assert answer.status_code == expected, (name, answer.text)
        sent += 1
    assert sent > 5
