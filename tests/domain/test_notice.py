"""The notice stands alone: everybody it names is in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ip_fhir.domain.notice import Notice, NoticeKind, Urgency
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.data import ABSENT, changed, example
from tests.support.strategies import notices

# 01: mother and father, one professional, one consent, three needs; the hospital, its unit, municipality and KE.
NOTICE = example("notices", "01")
OWNER, MOTHER, PROFESSIONAL, ORGANIZATION = (
    "person-01",
    "person-01-mother",
    "pro-habilitation-physician",
    "org-fjellregionen",
)


def problems(data: Any) -> list[tuple[str, str, str]]:
    """Path, reason and code of each problem, none for a sound notice."""
    try:
        read(Notice, data)
    except InvalidInput as error:
        return [(p.path, p.reason, p.code) for p in error.problems]
    return []


WITH_PROVISION = changed(NOTICE, "consents.0.provisions", [{"access": "deny", "recipients": [ORGANIZATION]}])
REFERENCES = {
    "sender": {ORGANIZATION},
    "recipient": {ORGANIZATION},
    "author": {PROFESSIONAL},
    "organizations.1.part_of": {ORGANIZATION},
    "professionals.0.organization": {ORGANIZATION},
    "consents.0.given_by": {MOTHER},
    "consents.0.provisions.0.recipients.0": {OWNER, MOTHER, PROFESSIONAL, ORGANIZATION},
}


def test_the_example_is_sound() -> None:
    """What the tests below break is whole before."""
    assert problems(WITH_PROVISION) == []


@pytest.mark.parametrize("path", REFERENCES)
@pytest.mark.parametrize("ident", ["nobody", OWNER, MOTHER, PROFESSIONAL, ORGANIZATION, "person-01-need-1"])
def test_references(path: str, ident: str) -> None:
    """Each place takes the ids of what it is for, and nothing that is not in the notice."""
    data = WITH_PROVISION if path != "recipient" else changed(WITH_PROVISION, "sender", "org-nordvik")
    wrong = [(path, "refers to nobody in the notice", "invariant")]
    assert problems(changed(data, path, ident)) == ([] if ident in REFERENCES[path] else wrong)


def test_nobody_tells_himself() -> None:
    """Sender and recipient are two."""
    found = problems(changed(NOTICE, "recipient", NOTICE["sender"]))
    assert found == [("recipient", "the recipient is the sender", "invariant")]


@pytest.mark.parametrize("name", ["related_persons", "organizations", "professionals", "needs", "consents"])
def test_an_id_is_used_once(name: str) -> None:
    """The same id twice is told at the later place."""
    data = changed(NOTICE, f"{name}.{len(NOTICE[name])}", {**NOTICE[name][-1], "id": OWNER})
    found = [(path, code) for path, reason, code in problems(data) if "used twice in the notice" in reason]
    assert found == [(f"{name}.{len(NOTICE[name])}.id", "invariant")]


def test_no_organisation_is_part_of_itself() -> None:
    """As in a plan."""
    found = problems(changed(NOTICE, "organizations.0.part_of", NOTICE["organizations"][0]["id"]))
    assert found == [("organizations.0.part_of", "the organisation is part of itself", "invariant")]


@pytest.mark.parametrize("name", ["id", "correlation_id", "kind", "authored", "owner", "sender", "recipient"])
def test_what_a_notice_must_say(name: str) -> None:
    """Who tells whom about whom, when, what is asked for, and the id of the loop."""
    assert problems(changed(NOTICE, name, ABSENT)) == [(name, "field required", "required")]


def test_nothing_more_is_needed() -> None:
    """No consent, no author, no needs: whether it may be sent is asked elsewhere."""
    keep = ("id", "correlation_id", "kind", "authored", "owner", "sender", "recipient", "organizations")
    notice = read(Notice, {name: NOTICE[name] for name in keep})
    assert (notice.urgency, notice.consents, notice.legal_basis) == (Urgency.ROUTINE, (), ())


@pytest.mark.parametrize(
    ("kind", "plan", "coordinator"),
    [
        (NoticeKind.PLAN, True, False),
        (NoticeKind.COORDINATOR, False, True),
        (NoticeKind.PLAN_AND_COORDINATOR, True, True),
        (NoticeKind.CHILD_COORDINATOR, False, True),
    ],
)
def test_what_is_asked_for(kind: NoticeKind, plan: bool, coordinator: bool) -> None:
    """A coordinator without a plan is normal; a child coordinator is a coordinator."""
    assert (kind.asks_for_plan, kind.asks_for_coordinator) == (plan, coordinator)


@given(notices())
def test_organisations_are_found(notice: Notice) -> None:
    """Sender and recipient, and any other, by id."""
    assert [notice.organization(o.id) for o in notice.organizations] == list(notice.organizations)
    assert notice.organization(notice.sender) != notice.organization(notice.recipient)
