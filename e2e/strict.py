"""A client that believes nothing but the contract: sections 3.2, 3.3.1, 4 and 5.2.

Every decoder takes a parsed value and raises `Refused` unless it has exactly the keys, types and
words that the contract gives; nothing is converted. `loads` parses the text as strictly.
"""

import json
import re
from datetime import date, datetime


class Refused(ValueError):
    """A value the contract does not have."""


def loads(text):
    """Parses JSON without repeated keys, exponents, NaN or infinities."""

    def unique(pairs):
        if len(dict(pairs)) < len(pairs):
            raise Refused(f"a repeated key in {[key for key, _ in pairs]}")
        return dict(pairs)

    def decimal(number):
        if "e" in number.lower():
            raise Refused(f"an exponent: {number}")
        return float(number)

    def constant(name):
        raise Refused(f"no JSON: {name}")

    return json.loads(
        text, object_pairs_hook=unique, parse_float=decimal, parse_constant=constant
    )


def need(condition, value, wanted):
    if not condition:
        raise Refused(f"{value!r} is not {wanted}")


def integer(value):
    need(type(value) is int, value, "an integer")
    need(-(2**63) <= value < 2**63, value, "an integer of 64 bits")


def number(value):
    need(type(value) in (int, float), value, "a number")


def boolean(value):
    need(type(value) is bool, value, "a boolean")


def string(value):
    need(type(value) is str, value, "a string")


def matching(pattern):
    def check(value):
        string(value)
        need(re.fullmatch(pattern, value), value, f"matched by {pattern}")

    return check


def one_of(*words):
    def check(value):
        # Not `in`: 1 and True are the same to it.
        need(type(value) is str and value in words, value, f"one of {words}")

    return check


def nullable(check):
    def either(value):
        if value is not None:
            check(value)

    return either


def list_of(check):
    def each(value):
        need(type(value) is list, value, "a list")
        for place, item in enumerate(value):
            within(place, check, item)

    return each


def record(**checks):
    """An object with exactly these keys."""

    def whole(value):
        need(type(value) is dict, value, "an object")
        need(value.keys() == checks.keys(), sorted(value), f"the keys {sorted(checks)}")
        for name, check in checks.items():
            within(name, check, value[name])

    return whole


def within(name, check, value):
    try:
        check(value)
    except Refused as refused:
        raise Refused(f"{name}: {refused}") from None


def page_of(check):
    return record(
        count=integer, next=nullable(address), previous=nullable(address), results=list_of(check)
    )


uuid = matching("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
request_id = matching("[0-9a-f]{32}")
address = matching(r"https?://[^\s/]+/\S*")


def timestamp(value):
    matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")(value)
    parsed(lambda: datetime.fromisoformat(value), value, "a moment")


def month(value):
    matching(r"\d{4}-\d\d")(value)
    parsed(lambda: date.fromisoformat(f"{value}-01"), value, "a month")


def parsed(parse, value, wanted):
    try:
        parse()
    except ValueError:
        raise Refused(f"{value!r} is not {wanted}") from None


_error = {"request_id": request_id, "message": matching("(?s).+"), "code": matching("[a-z_]+")}


def error(value):
    """One object of a refusal; it names a field when it is about one."""
    about_a_field = type(value) is dict and "field" in value
    record(**_error, **({"field": string} if about_a_field else {}))(value)


institution = record(
    id=integer,
    name=matching("[a-z_]{1,40}"),
    type=one_of("bank", "fiscal", "employment"),
    website=nullable(address),
    display_name=string,
    country_codes=list_of(matching("[A-Z]{2}")),
    primary_color=matching("#[0-9a-fA-F]{6}"),
    logo=nullable(address),
    icon_logo=nullable(address),
    text_logo=nullable(address),
    code=nullable(string),
    form_fields=list_of(
        record(
            name=string,
            type=one_of("text", "password", "select"),
            label=string,
            validation=string,
            placeholder=string,
            validation_message=string,
            values=list_of(
                record(
                    code=string,
                    label=string,
                    validation=string,
                    validation_message=string,
                    placeholder=string,
                )
            ),
        )
    ),
    features=list_of(record(name=one_of("token_required"), description=string)),
    resources=list_of(one_of("EMPLOYMENTS", "OWNERS")),
    integration_type=one_of("credentials", "openfinance"),
    status=one_of("healthy", "down"),
)

link = record(
    id=uuid,
    institution=string,
    access_mode=nullable(one_of("single", "recurrent")),
    status=one_of("valid", "invalid", "unconfirmed", "token_required"),
    refresh_rate=nullable(one_of("6h", "12h", "24h", "7d", "30d")),
    created_by=uuid,
    last_accessed_at=nullable(timestamp),
    external_id=nullable(string),
    created_at=timestamp,
    institution_user_id=matching(r"[A-Za-z0-9\-=_]{44}"),
    credentials_storage=matching(r"store|nostore|\d{1,3}d"),
    stale_in=nullable(matching(r"\d{1,3}d")),
    fetch_resources=list_of(one_of("EMPLOYMENTS", "OWNERS")),
)

employment = record(
    id=uuid,
    link=uuid,
    created_at=timestamp,
    collected_at=timestamp,
    employer_data=record(
        name=nullable(string),
        id_type=nullable(one_of("NIT", "CE", "CC", "PASSPORT")),
        id_number=nullable(integer),
        economic_activity_code=nullable(integer),
        economic_activity_code_description=nullable(string),
        contributor_class_code=nullable(string),
        contributor_class_code_description=nullable(string),
        contributor_type_code=nullable(integer),
        contributor_type_description=nullable(string),
        tenure=nullable(integer),
    ),
    salary_and_benefit_details=list_of(
        record(
            month=month,
            gross_amount=nullable(number),
            net_amount=nullable(number),
            employment_type=nullable(one_of("SALARIED", "CONTRACTUAL", "PENSIONED")),
            employment_type_additional_info=nullable(string),
            parafiscal_contribution=nullable(boolean),
            salary_comprehensive=nullable(boolean),
            salary_type=nullable(one_of("FIXED", "VARIABLE")),
            pension_fund_name=nullable(string),
            healthcare_provider_name=nullable(string),
            status_changes=list_of(
                one_of(
                    "FIRST_MONTH",
                    "FINAL_MONTH",
                    "ON_LEAVE",
                    "RETIREMENT_MONTH",
                    "ON_VACATION",
                    "PERMANENT_SALARY_CHANGE",
                    "TEMPORARY_SALARY_CHANGE",
                )
            ),
        )
    ),
)

owner = record(
    id=uuid,
    link=nullable(uuid),
    internal_identification=nullable(string),
    collected_at=timestamp,
    created_at=timestamp,
    display_name=nullable(matching(".{0,128}")),
    email=nullable(string),
    phone_number=nullable(string),
    address=nullable(string),
    document_id=nullable(
        record(
            document_type=nullable(one_of("CC", "NIT")), document_number=nullable(string)
        )
    ),
    business_name=nullable(string),
    first_name=nullable(string),
    last_name=nullable(string),
    second_last_name=nullable(string),
)

webhook = record(
    webhook_id=request_id,
    webhook_type=one_of("EMPLOYMENTS", "OWNERS", "LINK"),
    process_type=one_of("historical_update", "recurrent_update"),
    webhook_code=string,
    link_id=uuid,
    request_id=uuid,
    external_id=nullable(string),
    data=lambda value: need(type(value) is dict, value, "an object"),
)
