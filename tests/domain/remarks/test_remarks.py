"""The remarks on documents that are sound and may still be wrong (users.md E: age, green form, number, contacts)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import ContactPoint, ContactSystem
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.remarks.remarks import remarks
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.data import changed, example
from tests.support.loop import form, notice, place
from tests.support.strategies import plans

OWNER = {"id": "owner", "name": {"family": "Testesen"}}
BORN_1975 = "05827500285"


def told(whole: IndividualPlan | Notice | GreenForm) -> list[tuple[str, str]]:
    """Place and reason of each remark."""
    found = remarks(whole)
    assert all(problem.severity == "warning" for problem in found)
    return [(problem.path, problem.reason) for problem in found]


def owned_by(**fields: Any) -> Notice:
    """A notice about somebody with these fields."""
    return read(Notice, {**notice().to_data(), "owner": {**OWNER, **fields}})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"identifier": BORN_1975}, []),
        ({"identifier": BORN_1975, "birth_date": "1975-02-05"}, []),
        (
            {"identifier": BORN_1975, "birth_date": "1999-02-05"},
            [("owner.birth_date", "is another day than the one in the number")],
        ),
        (
            {"birth_date": "1999-02-05", "deceased": "1999-02-04"},
            [
                ("owner.deceased", "lies before the birth date"),
                ("owner", "the person is dead: no notice is sent, and nobody is reminded"),
            ],
        ),
        ({"dead": True}, [("owner", "the person is dead: no notice is sent, and nobody is reminded")]),
        ({"identifier": "201012312399"}, [("owner.identifier", "DUF number: check digits are wrong")]),
    ],
)
def test_about_the_person(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """A number and a birth date that disagree, a death, and a number by a rule that is still to come."""
    assert told(owned_by(**fields)) == expected


PHONE = "no phone number: it has fewer than five digits"
CONTACTS: list[tuple[str, str, str | None]] = [
    ("phone", "55 50 00 01", None),
    ("phone", "+47 55500001", None),
    ("phone", "02800", None),
    ("phone", "116 117 (legevakt)", None),
    ("phone", "Se vedlegg", PHONE),
    ("sms", "12 34", PHONE),
    ("email", "post@nordvik.example", None),
    ("email", "Se vedlegg", "no e-mail address: it has not the form name@place"),
    ("email", "post@nordvik", "no e-mail address: it has not the form name@place"),
    ("url", "https://nordvik.example/ke", None),
    ("url", "www.nordvik.example", None),
    ("url", "se intranettet", "no web address"),
]


@pytest.mark.parametrize(("system", "value", "doubt"), CONTACTS)
def test_contacts_by_which_nobody_is_reached(system: str, value: str, doubt: str | None) -> None:
    """A phone ("Se vedlegg", too few digits) or mail that is none: told at its place, without the value."""
    assert ContactPoint(system=ContactSystem(system), value=value).doubt == doubt
    found = told(owned_by(contacts=[{"system": "phone", "value": "55500001"}, {"system": system, "value": value}]))
    assert found == ([] if doubt is None else [("owner.contacts.1.value", doubt)])


@pytest.mark.parametrize("name", ["related_persons", "organizations", "professionals"])
def test_everybody_in_a_plan(name: str) -> None:
    """The contacts of relatives, organisations and professionals are looked at too."""
    plan = changed(example("plans", "01"), f"{name}.1.contacts", [{"system": "phone", "value": "Se vedlegg"}])
    assert told(read(IndividualPlan, plan)) == [(f"{name}.1.contacts.0.value", PHONE)]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (date(2026, 9, 2), []),
        (date(2026, 9, 3), [("coordinators.0.period", "begins more than half a year after the form")]),
        (date(2027, 3, 3), [("coordinators.0.period", "begins more than half a year after the form")]),
    ],
)
def test_a_coordinator_from_a_year_ahead(start: date, expected: list[tuple[str, str]]) -> None:
    """A form of 3 March 2026 (users.md E, green form)."""
    assert told(form(start=start)) == expected
    second = form(coordinators=(place("anna", date(2026, 3, 9)), place("bo", start, "place-2")))
    assert [path for path, _ in told(second)] == [path.replace("0", "1") for path, _ in expected]


def test_a_notice_of_a_plan_that_is_refused() -> None:
    """It asks for what the person has said no to."""
    no = {"id": "no", "kind": "plan", "status": "refused", "given_on": "2026-02-01"}
    asks = read(Notice, {**notice().to_data(), "consents": [no]})
    assert told(asks) == [("consents.0", "refuses the plan that the notice asks for")]


def test_nothing_else_has_remarks() -> None:
    """It is refused, with its place."""
    with pytest.raises(InvalidInput, match="no plan, notice or green form"):
        remarks({"id": "a dict"})  # type: ignore[arg-type]


@given(plans())
def test_no_remark_repeats_a_value(plan: IndividualPlan) -> None:
    """No number, name or address of a person stands in a remark."""
    for _, reason in told(plan):
        assert not any(letter.isdigit() for letter in reason.replace("2032", ""))
