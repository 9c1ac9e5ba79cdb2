"""People and organisations: what each must say, and what it may leave open."""

from __future__ import annotations

from typing import Any

import pytest

from ip_fhir.domain.people import (
    Address,
    Attachment,
    ContactPoint,
    ContactSystem,
    Mandate,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Professional,
    RelatedPerson,
)
from ip_fhir.domain.values.value import Value, read
from ip_fhir.errors import InvalidInput


@pytest.mark.parametrize(
    ("given", "family", "full"),
    [
        ("Elle Máret", "Gáddevárri", "Elle Máret Gáddevárri"),
        (None, "Sæbø", "Sæbø"),
        ("Jose\u0301", "Ŋurra", "Jose\u0301 Ŋurra"),
    ],
)
def test_full_name(given: str | None, family: str, full: str) -> None:
    """Given name first; letters stay as they were written, combining characters too."""
    assert PersonName(given=given, family=family).full == full


@pytest.mark.parametrize(
    ("place", "right"),
    [
        ({"url": "https://nordvik.example/1"}, True),
        ({"data": "QUJD"}, True),
        ({}, False),
        ({"url": "https://nordvik.example/1", "data": "QUJD"}, False),
    ],
)
def test_an_attachment_is_in_one_place(place: dict[str, str], right: bool) -> None:
    """A document has an address or its bytes: one of them, not both."""
    data = {"title": "Fullmakt", "content_type": "application/pdf", **place}
    if right:
        assert read(Attachment, data).title == "Fullmakt"
        return
    with pytest.raises(InvalidInput, match=r"^an attachment has either a url or data$"):
        read(Attachment, data)


SMALLEST: list[tuple[type[Value], dict[str, Any]]] = [
    (PlanOwner, {"id": "p", "name": {"family": "Sæbø"}}),
    (RelatedPerson, {"id": "r", "name": {"family": "Sæbø"}, "relationship": "sibling"}),
    (Professional, {"id": "q", "name": {"family": "Sæbø"}}),
    (Organization, {"id": "o", "name": "NAV Nordvik", "kind": "nav"}),
    (ContactPoint, {"system": "phone", "value": "+47 00 00 00 00"}),
    (Mandate, {"kind": "guardian"}),
    (Address, {}),
]


@pytest.mark.parametrize(("model", "data"), SMALLEST)
def test_only_this_must_be_said(model: type[Value], data: dict[str, Any]) -> None:
    """Nothing more is needed: a coordinator need not be health personnel, an owner need not have a number."""
    assert read(model, data).to_data() == data


@pytest.mark.parametrize(("model", "data"), SMALLEST)
def test_each_of_this_must_be_said(model: type[Value], data: dict[str, Any]) -> None:
    """Each of it missing is a problem at its place."""
    for name in data:
        with pytest.raises(InvalidInput) as caught:
            read(model, {key: value for key, value in data.items() if key != name})
        assert [(p.path, p.code) for p in caught.value.problems] == [(name, "required")]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("organization_number", "312001374", "organisation number: wrong check digit"),
        ("her_id", "0", "HER-id: 1 digits does not have the form of one"),
        ("resh_id", "x", "RESH id: 1 characters does not have the form of one"),
        ("municipality", "9999", "municipality number: 4 digits does not have the form of one"),
    ],
)
def test_wrong_identifiers_name_themselves(field: str, value: str, reason: str) -> None:
    """A wrong number in an organisation is told by its place and its kind."""
    with pytest.raises(InvalidInput) as caught:
        read(Organization, {"id": "o", "name": "x", "kind": "other", field: value})
    (problem,) = caught.value.problems
    assert (problem.path, problem.reason) == (field, reason)


def test_any_agency_and_any_way() -> None:
    """Schools, employers and volunteers are organisations as hospitals are; a person is reached in four ways."""
    assert {"school", "kindergarten", "nav", "employer", "voluntary", "hospital"} <= {k.value for k in OrganizationKind}
    assert [system.value for system in ContactSystem] == ["phone", "sms", "email", "url"]


@pytest.mark.parametrize("address", [{}, {"lines": []}, Address()])
def test_an_address_that_says_nothing_is_none(address: Any) -> None:
    """An empty address is no address: neither FHIR nor a letter has use for one."""
    name = {"family": "Sæbø"}
    assert read(PlanOwner, {"id": "owner", "name": name, "address": address}).address is None
    assert PlanOwner(id="owner", name=PersonName(family="Sæbø"), address=Address(city="Bodø")).address is not None
