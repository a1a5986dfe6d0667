"""Everything the sandbox answers about everybody, read by a client that converts nothing."""

import pytest
import strict
from api import INSTITUTION, PEOPLE, TWO_EMPLOYERS

RESOURCES = ["EMPLOYMENTS", "OWNERS"]


def decoded(response, status, check):
    """The value of an answer, once `check` has let it pass."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    value = strict.loads(response.text)
    check(value)
    return value


@pytest.mark.parametrize("document", PEOPLE)
@pytest.mark.parametrize("mode", ["single", "recurrent"])
def test_what_is_known_of_a_person_is_exactly_typed(sandbox, receiver, document, mode):
    body = {
        "institution": INSTITUTION,
        "username": document,
        "access_mode": mode,
        "fetch_resources": RESOURCES,
    }
    link = decoded(sandbox.post("/api/links/", body), 201, strict.link)
    for _, _, event in receiver.wait_for(link["id"], *RESOURCES).values():
        strict.webhook(event)
    decoded(sandbox.get(f"/api/links/{link['id']}/"), 200, strict.link)
    for kind, check in [("co/employments", strict.employment), ("owners", strict.owner)]:
        of_the_link = {"link": link["id"]}
        page = decoded(sandbox.get(f"/api/{kind}/", of_the_link), 200, strict.page_of(check))
        assert page["results"]
        for each in page["results"]:
            again = decoded(sandbox.get(f"/api/{kind}/{each['id']}/"), 200, check)
            assert again == each
        for save_data, status in [(True, 201), (False, 200)]:
            asked = {**of_the_link, "save_data": save_data}
            decoded(sandbox.post(f"/api/{kind}/", asked), status, strict.list_of(check))


def test_institutions_and_links_are_exactly_typed(sandbox):
    institutions = strict.page_of(strict.institution)
    (pila,) = decoded(sandbox.get("/api/institutions/"), 200, institutions)["results"]
    decoded(sandbox.get(f"/api/institutions/{pila['id']}/"), 200, strict.institution)
    sandbox.single_link(TWO_EMPLOYERS, stale_in="90d", external_id="strict-links")
    page = {"page_size": 1}
    links = decoded(sandbox.get("/api/links/", page), 200, strict.page_of(strict.link))
    assert len(links["results"]) == 1


@pytest.mark.parametrize(
    "path, wrong",
    [
        ("id", "E4F3A2B1-0C9D-4E8F-A7B6-C5D4E3F2A1B0"),
        ("created_at", "2026-02-30T00:00:00.000000Z"),
        ("created_at", "2026-02-03T00:00:00Z"),
        ("collected_at", None),
        ("employer_data.id_type", "TI"),
        ("employer_data.id_number", "9001234567"),
        ("employer_data.tenure", 19.0),
        ("salary_and_benefit_details.0.month", "2026-13"),
        ("salary_and_benefit_details.0.gross_amount", "3200000"),
        ("salary_and_benefit_details.0.parafiscal_contribution", 1),
        ("salary_and_benefit_details.0.salary_type", "fixed"),
        ("salary_and_benefit_details.0.status_changes", None),
        ("salary_and_benefit_details.0.currency", "COP"),
    ],
)
def test_the_strict_client_is_strict(sandbox, path, wrong):
    link = sandbox.single_link(TWO_EMPLOYERS)
    employment, *_ = sandbox.retrieve("co/employments", link)
    strict.employment(employment)
    place = employment
    *way, name = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        place = place[step]
    place[name] = wrong
    with pytest.raises(strict.Refused, match=str(name)):
        strict.employment(employment)


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"a":1e6}', '{"a":NaN}'])
def test_json_that_clients_read_differently_is_refused(text):
    with pytest.raises(strict.Refused):
        strict.loads(text)
