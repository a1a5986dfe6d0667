"""The official Python SDK, unchanged, against a real server and its simulated operator.

The SDK cannot send `fetch_resources`, so links are recurrent: those load everything.
"""

import re
import uuid
from functools import partial
from operator import itemgetter

import pytest
import requests
from api import INSTITUTION, ONE_EMPLOYER, TWO_EMPLOYERS, UNKNOWN
from belvo.client import Client
from belvo.enums import AccessMode
from belvo.exceptions import BelvoAPIException, RequestError
from conftest import CROWD
from receiver import WEBHOOK_TOKEN

NOBODY = "00000000-0000-4000-8000-000000000000"
SESSION = "0123456789abcdef0123456789abcdef"
LINK_KEYS = [
    "id",
    "institution",
    "access_mode",
    "status",
    "refresh_rate",
    "created_by",
    "last_accessed_at",
    "external_id",
    "created_at",
    "institution_user_id",
    "credentials_storage",
    "stale_in",
    "fetch_resources",
]


@pytest.fixture(scope="module")
def client(vinculo, keys):
    return Client(keys["secret_id"], keys["secret_password"], vinculo.url)


def create_link(client, document, external_id, access_mode=AccessMode.RECURRENT):
    return client.Links.create(
        INSTITUTION,
        document,
        None,
        access_mode=access_mode,
        external_id=external_id,
        raise_exception=True,
    )


def create_single(client, document, external_id):
    """A link that loads nothing on its own."""
    return create_link(client, document, external_id, AccessMode.SINGLE)


def refused(call, status, code, field=None):
    """Calls, and checks what the SDK raises: its own error with the body it was sent."""
    with pytest.raises(RequestError) as raised:
        call(raise_exception=True)
    (error,) = raised.value.detail
    assert raised.value.status_code == status
    assert (error["code"], error.get("field")) == (code, field)
    assert re.fullmatch("[0-9a-f]{32}", error["request_id"]) and error["message"]


def employments_of(client, link_id):
    return list(client.session.list("/api/co/employments/", params={"link": link_id}))


@pytest.fixture(scope="module")
def link(client):
    """A link of a person with two employers."""
    return create_link(client, TWO_EMPLOYERS, "e2e-two-employers")


@pytest.fixture(scope="module")
def webhooks(link, receiver):
    """The webhooks that say the link is loaded, by type."""
    return receiver.wait_for(link["id"], "EMPLOYMENTS", "OWNERS")


def test_keys_are_of_the_asked_environment(keys):
    assert keys["environment"] == "sandbox"
    uuid.UUID(keys["secret_id"])


def test_wrong_keys_are_refused(vinculo, keys):
    for secret_id, password in [
        (keys["secret_id"], "wrong"),
        (str(uuid.UUID(int=0)), keys["secret_password"]),
    ]:
        with pytest.raises(BelvoAPIException, match="Login failed"):
            Client(secret_id, password, vinculo.url)


def test_a_created_link_is_complete(link):
    assert list(link) == LINK_KEYS
    assert link["institution"] == INSTITUTION
    assert (link["status"], link["access_mode"]) == ("valid", "recurrent")
    assert (link["refresh_rate"], link["credentials_storage"]) == ("7d", "store")
    assert link["external_id"] == "e2e-two-employers"
    assert re.fullmatch(r"[A-Za-z0-9\-_=]{44}", link["institution_user_id"])


@pytest.mark.parametrize(
    "kind, data",
    [("EMPLOYMENTS", {"total_employments": 2}), ("OWNERS", {"total_owners": 1})],
)
def test_each_resource_is_announced_by_a_webhook(link, webhooks, kind, data):
    path, headers, body = webhooks[kind]
    assert path == "/hook"
    assert headers["Authorization"] == f"Bearer {WEBHOOK_TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert re.fullmatch("[0-9a-f]{32}", body.pop("webhook_id"))
    assert str(uuid.UUID(body["request_id"])) == body.pop("request_id")
    assert body == {
        "webhook_type": kind,
        "process_type": "historical_update",
        "webhook_code": "historical_update",
        "link_id": link["id"],
        "external_id": "e2e-two-employers",
        "data": data,
    }


@pytest.mark.usefixtures("webhooks")
def test_employments_hold_what_was_announced(client, link):
    employments = employments_of(client, link["id"])
    assert len(employments) == 2
    assert len({employment["employer_data"]["id_number"] for employment in employments}) == 2
    for employment in employments:
        assert employment["link"] == link["id"]
        months = [row["month"] for row in employment["salary_and_benefit_details"]]
        assert 1 <= len(months) <= 24
        assert months == sorted(set(months), reverse=True)
        assert all(row["gross_amount"] > 0 for row in employment["salary_and_benefit_details"])
        again = client.session.get("/api/co/employments/", employment["id"])
        assert again == employment


@pytest.mark.usefixtures("webhooks")
def test_the_owner_is_the_person_of_the_link(client, link):
    (owner,) = client.Owners.list(link=link["id"])
    assert owner["document_id"] == {"document_type": "CC", "document_number": TWO_EMPLOYERS}
    assert owner["display_name"]
    assert client.Owners.get(owner["id"]) == owner


def test_links_are_read_one_by_one_and_page_by_page(client, receiver, link):
    other = create_link(client, ONE_EMPLOYER, "e2e-one-employer")
    receiver.wait_for(other["id"], "EMPLOYMENTS", "OWNERS")
    listed = [each["id"] for each in client.Links.list(page_size=1)]
    assert {link["id"], other["id"]} <= set(listed)
    assert len(listed) == len(set(listed))
    (found,) = client.Links.list(external_id="e2e-one-employer")
    assert found["id"] == other["id"]
    assert list(client.Links.get(other["id"])) == LINK_KEYS


def test_the_same_person_is_recognised_again(client, link):
    again = create_link(client, TWO_EMPLOYERS, "e2e-again")
    assert again["id"] != link["id"]
    assert again["institution_user_id"] == link["institution_user_id"]


def test_a_single_link_loads_nothing_it_was_not_asked_for(client):
    link = client.Links.create(INSTITUTION, ONE_EMPLOYER, "", access_mode=AccessMode.SINGLE)
    assert link["access_mode"] == "single"
    assert link["refresh_rate"] is None
    assert link["fetch_resources"] == []
    assert employments_of(client, link["id"]) == []


def test_a_widget_token_makes_one_link(vinculo, client):
    tokens = client.WidgetToken.create(raise_exception=True)
    assert set(tokens) == {"access", "refresh"}
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    links = f"{vinculo.url}/api/links/"
    body = {"institution": INSTITUTION, "username": ONE_EMPLOYER, "access_mode": "single"}
    assert requests.get(links, headers=bearer, timeout=30).status_code == 403
    made = requests.post(links, json=body, headers=bearer, timeout=30)
    assert made.status_code == 201
    assert client.Links.get(made.json()["id"]) == made.json()
    assert requests.post(links, json=body, headers=bearer, timeout=30).status_code == 401


def test_a_link_changes_its_mode(client):
    link = create_single(client, ONE_EMPLOYER, "e2e-changing")
    recurrent = client.Links.patch(link["id"], access_mode=AccessMode.RECURRENT)
    assert (recurrent["access_mode"], recurrent["refresh_rate"]) == ("recurrent", "7d")
    assert recurrent["credentials_storage"] == "store"
    # The SDK sends null for a mode that is not given.
    assert client.Links.patch(link["id"]) == recurrent
    single = client.Links.patch(link["id"], access_mode=AccessMode.SINGLE)
    assert (single["access_mode"], single["refresh_rate"]) == ("single", None)
    assert client.Links.get(link["id"]) == single
    refused(partial(client.Links.patch, NOBODY), 404, "not_found")


def test_new_credentials_keep_a_link_valid_and_load_a_recurrent_one(client, receiver):
    link = create_link(client, TWO_EMPLOYERS, "e2e-updated")
    receiver.wait_for(link["id"], "EMPLOYMENTS", "OWNERS")
    updated = client.Links.update(link["id"], password="ignored", token="123456")
    assert list(updated) == LINK_KEYS
    assert (updated["id"], updated["status"]) == (link["id"], "valid")
    assert updated["last_accessed_at"] > link["last_accessed_at"]
    again = receiver.wait_for(link["id"], "EMPLOYMENTS", "OWNERS")
    assert again["EMPLOYMENTS"][2]["data"] == {"total_employments": 2}
    refused(partial(client.Links.update, NOBODY), 404, "not_found")


def test_owners_are_retrieved(client):
    link = create_single(client, ONE_EMPLOYER, "e2e-owners")
    unsaved = client.Owners.create(link["id"], save_data=False)
    assert [owner["link"] for owner in unsaved] == [link["id"]]
    assert list(client.Owners.list(link=link["id"])) == []
    (owner,) = client.Owners.create(link["id"], token="123456", timeout=30)
    assert owner["document_id"] == {"document_type": "CC", "document_number": ONE_EMPLOYER}
    assert list(client.Owners.list(link=link["id"])) == [owner]
    refused(partial(client.Owners.create, NOBODY), 400, "does_not_exist", "link")


def test_employments_are_retrieved_through_the_session(client):
    link = create_single(client, TWO_EMPLOYERS, "e2e-employments")
    path = "/api/co/employments/"
    retrieved = client.session.post(path, {"link": link["id"]}, raise_exception=True)
    by_id = itemgetter("id")
    assert sorted(retrieved, key=by_id) == sorted(employments_of(client, link["id"]), key=by_id)
    first, second = retrieved
    assert client.session.delete(path, first["id"])
    assert not client.session.delete(path, first["id"])
    assert employments_of(client, link["id"]) == [second]
    refused(partial(client.session.post, path, {}), 400, "required", "link")
    refused(partial(client.session.patch, path, {"link": link["id"]}), 405, "method_not_allowed")


@pytest.mark.parametrize("resource", ["Links", "Owners"])
def test_no_session_is_open_that_could_be_resumed(client, resource):
    resume = getattr(client, resource).resume
    link = create_single(client, ONE_EMPLOYER, "e2e-resumed")["id"]
    refused(partial(resume, SESSION, "123456", link=link), 400, "session_expired")
    refused(partial(resume, SESSION, "123456", link=NOBODY), 404, "not_found")
    refused(partial(resume, SESSION, "123456"), 400, "required", "link")


def test_every_page_of_many_links_is_followed(crowd):
    client = Client(crowd.keys["secret_id"], crowd.keys["secret_password"], crowd.url)
    for params, requests_needed in [({"page_size": 1000}, 2), ({}, 11), ({"page_size": 5000}, 2)]:
        asked = []
        client.session.session.hooks["response"] = [lambda r, **_: asked.append(r.url)]
        listed = [link["id"] for link in client.Links.list(**params)]
        assert len(listed) == CROWD
        assert set(listed) == crowd.ids
        assert len(asked) == requests_needed


def test_lists_take_several_values(client):
    links = [create_single(client, ONE_EMPLOYER, f"e2e-many-{n}")["id"] for n in range(3)]
    assert [link["id"] for link in client.Links.list(id__in=links[:2])] == links[1::-1]
    assert [link["id"] for link in client.Links.list(id__in=links, page_size=1)] == links[::-1]


def test_a_token_is_made_for_one_link(vinculo, client):
    link = create_single(client, ONE_EMPLOYER, "e2e-token")
    scopes = "read_institutions,write_links,read_links"
    tokens = client.WidgetToken.create(scopes=scopes, link=link["id"], widget={"theme": []})
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    for id_, status in [(link["id"], 200), (NOBODY, 403)]:
        answer = requests.get(f"{vinculo.url}/api/links/{id_}/", headers=bearer, timeout=30)
        assert answer.status_code == status
    with pytest.warns(DeprecationWarning):
        assert set(client.Links.token(link["id"], scopes)) == {"access", "refresh"}


def test_an_unknown_person_is_a_login_error(client):
    (error,) = client.Links.create(INSTITUTION, UNKNOWN, None)
    assert re.fullmatch("[0-9a-f]{32}", error.pop("request_id"))
    assert error == {
        "code": "login_error",
        "message": "Invalid credentials provided to login to the institution",
    }
    with pytest.raises(RequestError) as raised:
        create_link(client, UNKNOWN, "e2e-unknown")
    assert raised.value.status_code == 400
    assert raised.value.detail[0]["code"] == "login_error"


def test_an_unknown_institution_is_named(client):
    (error,) = client.Links.create("nobody_co_employment", ONE_EMPLOYER, None)
    assert (error["code"], error["field"]) == ("does_not_exist", "institution")


def test_a_deleted_link_takes_its_data_with_it(client, receiver):
    link = create_link(client, ONE_EMPLOYER, "e2e-deleted")
    receiver.wait_for(link["id"], "EMPLOYMENTS", "OWNERS")
    (employment,) = employments_of(client, link["id"])
    assert client.Links.delete(link["id"])
    assert not client.Links.delete(link["id"])
    assert employments_of(client, link["id"]) == []
    assert list(client.Owners.list(link=link["id"])) == []
    with pytest.raises(requests.HTTPError) as raised:
        client.Links.get(link["id"])
    assert raised.value.response.status_code == 404
    with pytest.raises(requests.HTTPError) as raised:
        client.session.get("/api/co/employments/", employment["id"])
    assert raised.value.response.status_code == 404
