"""The contract's conformance checklist (section 10), line by line, with plain requests."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
import strict
from api import INSTITUTION, ONE_EMPLOYER, TWO_EMPLOYERS, Api, answered
from belvo.client import Client
from belvo.exceptions import BelvoAPIException
from conftest import CROWD
from installation import Vinculo
from receiver import WEBHOOK_TOKEN, Receiver

# A retry comes a minute after a failure, give or take a fifth; no test waits longer than this.
RETRY_PATIENCE_SECONDS = 180
RESOURCES = ["EMPLOYMENTS", "OWNERS"]
NOBODY = "00000000-0000-4000-8000-000000000000"
SESSION = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def loaded(sandbox, receiver):
    """A link of a person with two employers, and the webhooks that said it was loaded."""
    link = sandbox.single_link(
        TWO_EMPLOYERS, fetch_resources=RESOURCES, external_id="COHORT_32_User_6790023X5"
    )
    return link, receiver.wait_for(link["id"], *RESOURCES)


def listed(api, path, **params):
    return answered(api.get(path, params), 200)


def ids(page):
    return [each["id"] for each in page["results"]]


def refused(response, status, code, field=None):
    """Checks a refusal with one error in it."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    (error,) = strict.loads(response.text)
    strict.error(error)
    assert (error["code"], error.get("field")) == (code, field)
    assert error["request_id"] == response.headers["X-Request-Id"]


# 1. `GET /api/` 200/401 with Basic; both SDKs log in (belvo-js: js/belvo.test.js).


def test_01_the_root_answers_to_keys_alone(vinculo, keys, sandbox):
    assert type(answered(sandbox.get("/api/"), 200)) is dict
    id_, password = keys["secret_id"], keys["secret_password"]
    for wrong in [(id_, "wrong"), (NOBODY, password), (id_, ""), ("", "")]:
        pair = {"secret_id": wrong[0], "secret_password": wrong[1]}
        refused(Api(vinculo.url, pair).get("/api/"), 401, "authentication_failed")
    for header in [None, "Basic", "Basic !", f"Bearer {password}", "Basic bm9jb2xvbg=="]:
        headers = {"Authorization": header} if header else {}
        answer = Api(vinculo.url).get("/api/", headers=headers)
        refused(answer, 401, "authentication_failed")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert Client(id_, password, vinculo.url).session.key_id == id_
    with pytest.raises(BelvoAPIException, match="Login failed"):
        Client(id_, "wrong", vinculo.url)


# 2. Slash and slashless paths, no redirects; duplicate slashes collapsed.


@pytest.mark.parametrize("spelt", [lambda p: p.rstrip("/"), lambda p: p.replace("/", "//")])
def test_02_addresses_may_lack_or_repeat_slashes(sandbox, spelt):
    for path in ["/api/", "/api/institutions/", "/api/institutions/4001/", "/api/owners/"]:
        assert sandbox.get(spelt(path)).json() == answered(sandbox.get(path), 200), path
    body = {"institution": INSTITUTION, "username": ONE_EMPLOYER, "access_mode": "single"}
    link = answered(sandbox.post(spelt("/api/links/"), body), 201)
    path = f"/api/links/{link['id']}/"
    assert answered(sandbox.get(spelt(path)), 200) == link
    assert answered(sandbox.patch(spelt(path), {"stale_in": "9d"}), 200)["stale_in"] == "9d"
    assert answered(sandbox.send("PUT", spelt(path), json={}), 200)["status"] == "valid"
    employments = spelt("/api/co/employments/")
    assert len(answered(sandbox.post(employments, {"link": link["id"]}), 201)) == 1
    assert listed(sandbox, employments, link=link["id"])["count"] == 1
    assert sandbox.delete(spelt(path)).status_code == 204


# 3. Lists: envelope of four keys, absolute `next`, clamp at 1000, CSV / repeated / bracket arrays,
# date or ISO timestamp filters, `fields`/`omit`.


def test_03_a_page_has_four_keys_and_absolute_neighbours(sandbox, vinculo):
    made = [sandbox.single_link(ONE_EMPLOYER)["id"] for _ in range(3)]
    params = {"id__in": ",".join(made), "page_size": 1, "fields": "id"}
    page, seen = listed(sandbox, "/api/links/", **params), []
    for number in (1, 2, 3):
        assert list(page) == ["count", "next", "previous", "results"]
        assert page["count"] == 3
        seen += ids(page)
        for name, neighbour in [("previous", number - 1), ("next", number + 1)]:
            if neighbour in (0, 4):
                assert page[name] is None
                continue
            assert page[name].startswith(f"{vinculo.url}/api/links/?")
            query = dict(parse_qsl(urlsplit(page[name]).query))
            assert query == {**params, "page_size": "1", "page": str(neighbour)}
        page = answered(sandbox.get(page["next"]), 200) if page["next"] else None
    assert seen == made[::-1]
    refused(sandbox.get("/api/links/", {**params, "page": 4}), 404, "not_found")


def test_03_a_page_has_at_most_a_thousand_objects(crowd):
    sizes = {"1000": 1000, "1001": 1000, "99999": 1000, "7": 7, None: 100}
    sizes |= dict.fromkeys(["0", "-1", "many", ""], 100)
    for asked, size in sizes.items():
        page = listed(crowd.api, "/api/links/", page_size=asked)
        assert (page["count"], len(page["results"])) == (CROWD, size), asked
    following = listed(crowd.api, "/api/links/", page_size=5000)["next"]
    rest = answered(crowd.api.get(following), 200)
    assert (len(rest["results"]), rest["next"]) == (CROWD - 1000, None)


@pytest.mark.parametrize(
    "encode",
    [
        lambda name, values: {name: ",".join(values)},
        lambda name, values: {name: values},
        lambda name, values: {f"{name}[]": values},
    ],
    ids=["comma", "repeated", "brackets"],
)
def test_03_lists_of_values_come_in_three_encodings(sandbox, encode):
    links = [sandbox.single_link(person) for person in (ONE_EMPLOYER, TWO_EMPLOYERS)]
    both = [link["id"] for link in links]
    assert ids(listed(sandbox, "/api/links/", **encode("id__in", both))) == both[::-1]
    people = encode("institution_user_id__in", [link["institution_user_id"] for link in links])
    assert set(both) <= set(ids(listed(sandbox, "/api/links/", **people)))
    others = encode("created_by__not_in", [links[0]["created_by"], NOBODY])
    assert listed(sandbox, "/api/links/", **others)["count"] == 0
    supports = encode("resources__allin", RESOURCES)
    assert listed(sandbox, "/api/institutions/", **supports)["count"] == 1
    lacks = encode("resources__allin", ["OWNERS", "ACCOUNTS"])
    assert listed(sandbox, "/api/institutions/", **lacks)["count"] == 0
    moments = encode("created_at__range", [link["created_at"] for link in links])
    assert ids(listed(sandbox, "/api/links/", **moments)) == both[::-1]


@pytest.mark.parametrize("kind", ["links", "co/employments", "owners"])
def test_03_dates_filter_as_days_and_as_moments(sandbox, loaded, kind):
    link = loaded[0]["id"]
    of_the_link = {"id" if kind == "links" else "link": link}
    found = listed(sandbox, f"/api/{kind}/", **of_the_link)
    oldest, newest = (found["results"][place]["created_at"] for place in (-1, 0))
    day, last_day = oldest[:10], newest[:10]
    zoned = oldest.replace("Z", "+00:00")
    everything, nothing = found["count"], 0
    for filters, count in [
        ({"created_at__gte": day}, everything),
        ({"created_at__gt": last_day}, nothing),
        ({"created_at__lt": day}, nothing),
        ({"created_at__lte": last_day}, everything),
        ({"created_at__range": f"{day},{last_day}"}, everything),
        ({"created_at__range": "2001-01-01,2001-12-31"}, nothing),
        ({"created_at": "2001-01-01"}, nothing),
        ({"created_at__gte": oldest}, everything),
        ({"created_at__gte": zoned}, everything),
        ({"created_at__gt": newest}, nothing),
        ({"created_at__lt": zoned}, nothing),
        ({"created_at__lte": newest, "created_at__gte": oldest}, everything),
    ]:
        page = listed(sandbox, f"/api/{kind}/", **of_the_link, **filters)
        assert page["count"] == count, filters
    answer = sandbox.get(f"/api/{kind}/", {**of_the_link, "created_at__gt": "26/06/2024"})
    refused(answer, 400, "invalid", "created_at__gt")


@pytest.mark.parametrize("kind", ["links", "co/employments", "owners"])
def test_03_fields_and_omit_choose_keys(sandbox, loaded, kind):
    link = loaded[0]["id"]
    of_the_link = {"id" if kind == "links" else "link": link}
    whole = listed(sandbox, f"/api/{kind}/", **of_the_link)["results"][0]
    path = f"/api/{kind}/{whole['id']}/"
    for params, keys in [
        ({"fields": "id,created_at,unknown"}, {"id", "created_at"}),
        ({"omit": "id,unknown"}, set(whole) - {"id"}),
        ({"fields": "id,created_at", "omit": "id"}, {"created_at"}),
    ]:
        expected = {name: value for name, value in whole.items() if name in keys}
        page = listed(sandbox, f"/api/{kind}/", **of_the_link, **params)
        assert page["results"][0] == expected
        assert listed(sandbox, path, **params) == expected


# 4. `POST /api/links/` with only `institution`, `username`, `save_data` works (belvo-python
# minimum) and yields a recurrent link that loads both resources.


def test_04_the_least_request_makes_a_recurrent_link_that_loads_everything(sandbox, receiver):
    link = sandbox.create_link(TWO_EMPLOYERS, save_data=True)
    assert (link["access_mode"], link["refresh_rate"]) == ("recurrent", "7d")
    assert (link["credentials_storage"], link["status"]) == ("store", "valid")
    receiver.wait_for(link["id"], *RESOURCES)
    assert listed(sandbox, "/api/co/employments/", link=link["id"])["count"] == 2
    assert listed(sandbox, "/api/owners/", link=link["id"])["count"] == 1


# 5. G's request yields 201, 13 keys, `status: valid`, `refresh_rate: null`, `credentials_storage:
# 365d`, `stale_in: null`.


def test_05_the_request_of_the_guide_makes_the_link_of_the_guide(loaded):
    link, _ = loaded
    strict.link(link)
    assert len(link) == 13
    assert {name: link[name] for name in link if not re.search("id$|_at$|_by$", name)} == {
        "institution": INSTITUTION,
        "access_mode": "single",
        "status": "valid",
        "refresh_rate": None,
        "credentials_storage": "365d",
        "stale_in": None,
        "fetch_resources": RESOURCES,
    }
    assert link["external_id"] == "COHORT_32_User_6790023X5"


# 6. Two webhooks arrive, 32-hex `webhook_id`, dashed `request_id`, counts equal to the later GET
# `count`.


def test_06_two_webhooks_tell_what_can_be_read(sandbox, loaded):
    link, webhooks = loaded
    bodies = []
    for kind, path, counted in [
        ("EMPLOYMENTS", "/api/co/employments/", "total_employments"),
        ("OWNERS", "/api/owners/", "total_owners"),
    ]:
        _, headers, body = webhooks[kind]
        strict.webhook(body)
        assert headers["Authorization"] == f"Bearer {WEBHOOK_TOKEN}"
        assert headers["Content-Type"] == "application/json"
        assert body["webhook_code"] == body["process_type"] == "historical_update"
        assert (body["link_id"], body["external_id"]) == (link["id"], link["external_id"])
        assert body["data"] == {counted: listed(sandbox, path, link=link["id"])["count"]}
        assert body["data"][counted] > 0
        bodies.append(body)
    one, other = bodies
    assert one["webhook_id"] != other["webhook_id"]
    assert one["request_id"] == other["request_id"]


# 7. GET before the webhook: 200 with `count: 0`.


def test_07_before_the_webhook_lists_are_empty(binary, tmp_path):
    paths = ["/api/co/employments/", "/api/owners/"]
    with Receiver() as receiver:
        # Nobody works the load off, so that the webhook cannot come yet.
        with Vinculo(binary, tmp_path, no_worker=True) as vinculo:
            vinculo.add_webhook(receiver.url)
            keys = vinculo.keys("sandbox")
            sandbox = Api(vinculo.url, keys)
            link = sandbox.single_link(ONE_EMPLOYER, fetch_resources=RESOURCES)
            for path in paths:
                empty = {"count": 0, "next": None, "previous": None, "results": []}
                assert listed(sandbox, path, link=link["id"]) == empty
        with Vinculo(binary, tmp_path) as vinculo:
            sandbox = Api(vinculo.url, keys)
            receiver.wait_for(link["id"], *RESOURCES)
            for path in paths:
                assert listed(sandbox, path, link=link["id"])["count"] == 1


# 8. Every non-2xx has a JSON array body with `code`, `message`, `request_id`.


def test_08_every_refusal_says_why(sandbox, vinculo):
    link = sandbox.single_link(ONE_EMPLOYER)
    of_the_link = f"/api/links/{link['id']}/"
    scopes = {"scopes": "read_institutions"}
    token = answered(sandbox.post("/api/token/", scopes), 200)["access"]
    answered(sandbox.post(f"{of_the_link}refresh/", {}), 202)
    bearer = {"Authorization": f"Bearer {token}"}
    xml = {"Content-Type": "application/xml"}
    key = "Idempotency-Key"
    used = {key: "checklist-8"}
    answered(sandbox.post("/api/token/", scopes, headers=used), 200)
    get, post, send, links = sandbox.get, sandbox.post, sandbox.send, "/api/links/"
    nowhere = {"institution": "nobody_co_employment", "username": ONE_EMPLOYER}
    other = {"scopes": "read_links"}
    too_much = b"[" + b" " * 2**20
    for answer, status, code, field in [
        (post(links, {"institution": INSTITUTION}), 400, "required", "username"),
        (post(links, nowhere), 400, "does_not_exist", "institution"),
        (post(links, []), 400, "parse_error", None),
        (send("POST", links, data="{"), 400, "parse_error", None),
        (get(links, {"id": "nobody"}), 400, "invalid", "id"),
        (get("/api/co/employments/"), 400, "required", "link"),
        (Api(vinculo.url).get(links), 401, "authentication_failed", None),
        (Api(vinculo.url).get(links, headers=bearer), 403, "access_to_resource_denied", None),
        (get(f"{links}{NOBODY}/"), 404, "not_found", None),
        (get("/api/nothing/"), 404, "not_found", None),
        (get("/nothing"), 404, "not_found", None),
        (get(links, {"page": 10**6}), 404, "not_found", None),
        (send("PATCH", "/api/institutions/"), 405, "method_not_allowed", None),
        (post(f"{of_the_link}refresh/", {}), 409, "link_refreshed", None),
        (post("/api/token/", other, headers=used), 409, "idempotency_key_reused", key),
        (send("POST", links, data=too_much), 413, "request_entity_too_large", None),
        (send("POST", links, data="<a/>", headers=xml), 415, "unsupported_media_type", None),
    ]:
        refused(answer, status, code, field)


def test_08_every_failing_field_is_reported(sandbox):
    body = {"institution": None, "username": "", "access_mode": "often", "fetch_resources": 1}
    answer = sandbox.post("/api/links/", body)
    assert answer.status_code == 400
    errors = strict.loads(answer.text)
    for error in errors:
        strict.error(error)
    assert {(error["code"], error.get("field")) for error in errors} == {
        ("null", "institution"),
        ("blank", "username"),
        ("invalid_choice", "access_mode"),
        ("not_a_list", None),
    }


# 9. `POST /api/co/employments/`: array, 201/200/202 as described; PATCH on it 405.


def test_09_employments_are_retrieved_at_once_or_later(sandbox, receiver):
    link = sandbox.single_link(TWO_EMPLOYERS)["id"]
    path = "/api/co/employments/"
    unsaved = answered(sandbox.post(path, {"link": link, "save_data": False}), 200)
    strict.list_of(strict.employment)(unsaved)
    assert len(unsaved) == 2
    assert listed(sandbox, path, link=link)["count"] == 0
    refused(sandbox.get(f"{path}{unsaved[0]['id']}/"), 404, "not_found")
    saved = answered(sandbox.post(path, {"link": link}), 201)
    strict.list_of(strict.employment)(saved)
    assert set(ids(listed(sandbox, path, link=link))) == {each["id"] for each in saved}
    again = answered(sandbox.post(path, {"link": link}), 201)
    assert {each["id"] for each in again} == {each["id"] for each in saved}
    later = sandbox.post(path, {"link": link}, headers={"X-Belvo-Request-Mode": "async"})
    accepted = answered(later, 202)
    assert list(accepted) == ["request_id"]
    _, _, body = receiver.wait_for(link, "EMPLOYMENTS")["EMPLOYMENTS"]
    assert body["request_id"] == accepted["request_id"]
    unknown = sandbox.post(path, {"link": NOBODY})
    refused(unknown, 400, "does_not_exist", "link")
    refused(sandbox.patch(path, {"link": link, "session": SESSION}), 405, "method_not_allowed")


# 10. Enums never leave their lists; integers and booleans are real JSON types.


def test_10_types_and_words_are_those_of_the_contract(sandbox, loaded):
    """Everybody else: test_strict.py."""
    link, _ = loaded
    for path, check, params in [
        ("/api/institutions/", strict.institution, {}),
        ("/api/links/", strict.link, {"id": link["id"]}),
        ("/api/co/employments/", strict.employment, {"link": link["id"]}),
        ("/api/owners/", strict.owner, {"link": link["id"]}),
    ]:
        page = strict.loads(sandbox.get(path, params).text)
        strict.page_of(check)(page)
        assert page["results"]


# 11. DELETE answers 204 with empty body; link deletion cascades; second delete 404.


def test_11_a_deletion_happens_once_and_takes_what_belongs_to_it(sandbox):
    link = sandbox.single_link(TWO_EMPLOYERS)
    employment, other = sandbox.retrieve("co/employments", link)
    (owner,) = sandbox.retrieve("owners", link)

    def deleted(path):
        answer = sandbox.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        for method in ("DELETE", "GET"):
            refused(sandbox.send(method, path), 404, "not_found")

    deleted(f"/api/co/employments/{employment['id']}/")
    assert ids(listed(sandbox, "/api/co/employments/", link=link["id"])) == [other["id"]]
    deleted(f"/api/links/{link['id']}/")
    for path, gone in [("/api/co/employments/", other), ("/api/owners/", owner)]:
        refused(sandbox.get(f"{path}{gone['id']}/"), 404, "not_found")
        assert listed(sandbox, path, link=link["id"])["count"] == 0


# 12. `POST /api/token/` accepts body keys or Basic header, answers 200 with `access` and `refresh`.


def test_12_tokens_are_made_from_keys_in_the_body_or_in_the_header(vinculo, keys, sandbox):
    scopes = {"scopes": "read_institutions,write_links"}
    in_the_body = {"id": keys["secret_id"], "password": keys["secret_password"], **scopes}
    stranger = Api(vinculo.url)
    for answer in [sandbox.post("/api/token/", scopes), stranger.post("/api/token/", in_the_body)]:
        tokens = answered(answer, 200)
        assert set(tokens) == {"access", "refresh"}
        bearer = {"Authorization": f"Bearer {tokens['access']}"}
        assert stranger.get("/api/institutions/", headers=bearer).status_code == 200
    for wrong in [scopes, {**in_the_body, "password": "wrong"}]:
        refused(stranger.post("/api/token/", wrong), 401, "authentication_failed")


# 13. Webhook receiver that answers slowly or non-2XX is retried with the same `webhook_id`.
#
# A try that fails is repeated after a minute, which passes while the other tests run. The pauses
# after that one are tested in crates/server/tests/it/webhooks.rs, where tests move the clock.


class Stubborn(Receiver):
    """Fails the first try of each event about its own link: refuses it, or says nothing at all."""

    def __init__(self, manner):
        super().__init__(self._status_of)
        self.external_id = f"checklist-13-{manner}"
        self._slow = manner == "slow"
        self._tried = set()

    def _status_of(self, body):
        if body["external_id"] != self.external_id or body["webhook_id"] in self._tried:
            return 200
        self._tried.add(body["webhook_id"])
        if self._slow:
            self.closing.wait()
        return 500


@pytest.fixture(scope="session", autouse=True)
def stubborn(vinculo, sandbox):
    """Receivers that have begun to fail, each with its link."""
    with Stubborn("slow") as slow, Stubborn("refusing") as refusing:
        failing = {}
        for receiver in (slow, refusing):
            vinculo.add_webhook(receiver.url)
            link = sandbox.single_link(
                ONE_EMPLOYER, external_id=receiver.external_id, fetch_resources=["EMPLOYMENTS"]
            )
            failing[receiver.external_id] = (receiver, link)
        yield failing


@pytest.mark.last
@pytest.mark.parametrize("manner", ["slow", "refusing"])
def test_13_a_webhook_that_failed_comes_again_unchanged(stubborn, manner):
    receiver, link = stubborn[f"checklist-13-{manner}"]
    tries = []
    while len(tries) < 2:
        _, _, body = receiver.next(RETRY_PATIENCE_SECONDS)
        if body["link_id"] == link["id"]:
            tries.append(body)
    first, second = tries
    strict.webhook(first)
    assert second == first


# 14. Data of one account or environment is never visible to another: foreign ids give 404.


def objects_of(api, link):
    """The addresses of the employments and owners that the source has for a link."""
    return [
        f"/api/{kind}/{each['id']}/"
        for kind in ("co/employments", "owners")
        for each in api.retrieve(kind, link)
    ]


@pytest.mark.parametrize("whose", ["sandbox", "production"])
def test_14_nothing_is_visible_to_the_other_environment(sandbox, production, whose):
    mine, other = (sandbox, production) if whose == "sandbox" else (production, sandbox)
    link = mine.single_link(TWO_EMPLOYERS, external_id="checklist-14")
    of_the_link = f"/api/links/{link['id']}/"
    # Production has no planillas, and so nothing but the link.
    objects = objects_of(mine, link) if whose == "sandbox" else []
    sent = mine.send("POST", "/manage/v1/imports/", data=f"no planilla: {link['id']}")
    import_ = f"/manage/v1/imports/{answered(sent, 202)['id']}/"
    for path in [of_the_link, *objects, import_, f"/manage/v1/links/{link['id']}/"]:
        assert answered(mine.get(path), 200)["id"] in path
        refused(other.get(path), 404, "not_found")
    for path in [of_the_link, *objects]:
        refused(other.delete(path), 404, "not_found")
    for answer in [
        other.patch(of_the_link, {"access_mode": "single"}),
        other.send("PUT", of_the_link, json={}),
        other.post(f"{of_the_link}refresh/", {}),
        other.patch(f"/manage/v1/links/{link['id']}/", {"refresh_rate": "7d"}),
        other.patch("/api/links/", {"session": SESSION, "link": link["id"]}),
        other.patch("/api/owners/", {"session": SESSION, "link": link["id"]}),
    ]:
        refused(answer, 404, "not_found")
    for path in ["/api/co/employments/", "/api/owners/"]:
        refused(other.post(path, {"link": link["id"]}), 400, "does_not_exist", "link")
        assert listed(other, path, link=link["id"])["count"] == 0
        assert listed(other, path, link__in=link["id"])["count"] == 0
    token = {"scopes": "read_links", "link_id": link["id"]}
    assert other.post("/api/token/", token).status_code == 400
    for filters in [{"id": link["id"]}, {"institution_user_id": link["institution_user_id"]}]:
        assert listed(mine, "/api/links/", **filters)["count"] > 0
        assert listed(other, "/api/links/", **filters)["count"] == 0
    # What the other tried has changed nothing.
    assert answered(mine.get(of_the_link), 200)["refresh_rate"] == link["refresh_rate"]


def test_14_the_same_person_has_another_pseudonym_elsewhere(sandbox, production):
    here, again, elsewhere = (
        api.single_link(ONE_EMPLOYER)["institution_user_id"]
        for api in (sandbox, sandbox, production)
    )
    assert here == again != elsewhere
