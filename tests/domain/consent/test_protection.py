"""Protected addresses: what leads to a person and their relatives is withheld (issue 11, 8; Normen faktaark 55)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.protection import EVERY_PART, LocatingPart, protected_persons, protection_of, withheld
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import AddressProtection, RelatedPerson, Relationship
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.team import CareTeam, Coordinator, CoordinatorKind
from tests.support.protected import CANARIES, IN_NOTICE, protected_notice, protected_plan
from tests.support.strategies import notices, plans

_GRADINGS = st.sampled_from((None, *AddressProtection))


@given(st.one_of(plans(), notices()))
def test_nothing_is_withheld_where_nobody_is_protected(value: IndividualPlan | Notice) -> None:
    """A plan or notice without a graded address is returned as it is, the same object."""
    assert protection_of(value) is None
    assert withheld(value) is value


@pytest.mark.parametrize(
    ("value", "canaries"),
    [(protected_plan(), CANARIES), (protected_notice(), IN_NOTICE)],
    ids=["plan", "notice"],
)
def test_nothing_leads_there(value: IndividualPlan | Notice, canaries: tuple[str, ...]) -> None:
    """Address, municipality, contacts of owner and relatives, and places of measures are gone; all else stays."""
    kept = withheld(value)
    assert not [word for word in CANARIES if word in kept.to_json()]
    assert all(word in value.to_json() for word in canaries)
    assert kept.owner.name == value.owner.name
    assert kept.organizations == value.organizations
    assert kept.professionals == value.professionals
    assert withheld(kept) == kept


@pytest.mark.parametrize("part", LocatingPart)
def test_each_part_is_released_by_itself(part: LocatingPart) -> None:
    """What was ticked goes along, and nothing else."""
    plan = protected_plan()
    kept, only = withheld(plan), withheld(plan, (part,))
    assert only != kept
    assert withheld(only) == kept
    assert withheld(plan, EVERY_PART) is plan
    shown = only.to_json()
    said = {
        LocatingPart.ADDRESS: "Løynvegen",
        LocatingPart.MUNICIPALITY: "5401",
        LocatingPart.CONTACTS: "99900001",
        LocatingPart.PLACES: "Gøymeplassen",
    }
    assert [one for one, word in said.items() if word in shown] == [part]


@pytest.mark.parametrize(
    ("owner", "relative", "relationship", "protected"),
    [
        (None, None, Relationship.MOTHER, set()),
        ("confidential", None, Relationship.FRIEND, {"owner", "relative"}),
        (None, "confidential", Relationship.MOTHER, {"owner", "relative"}),
        (None, "strictly-confidential", Relationship.OTHER, {"owner", "relative"}),
        (None, "confidential", Relationship.FRIEND, {"relative"}),
        (None, "confidential", Relationship.GUARDIAN, {"relative"}),
    ],
)
def test_whose_whereabouts(
    owner: str | None, relative: str | None, relationship: Relationship, protected: set[str]
) -> None:
    """A family may live together: one grading protects all of it; a graded friend or guardian is alone."""
    plan = protected_plan()
    person = plan.related_persons[0].evolve(
        id="relative", relationship=relationship, protection=AddressProtection(relative) if relative else None
    )
    graded = AddressProtection(owner) if owner else None
    plan = plan.evolve(owner=plan.owner.evolve(protection=graded), related_persons=(person,))
    names = {plan.owner.id: "owner", "relative": "relative"}
    assert {names[one] for one in protected_persons(plan)} == protected


def test_a_graded_professional() -> None:
    """Somebody who works with the person and is graded: their contacts are left out, unless they coordinate."""
    plan = protected_plan(None)
    worker = plan.professionals[0]
    reached = worker.evolve(contacts=plan.owner.contacts, protection=AddressProtection.STRICTLY_CONFIDENTIAL)
    plan = plan.evolve(professionals=(reached, *plan.professionals[1:]))
    kept = withheld(plan)
    assert kept.professionals == (reached.evolve(contacts=()), *plan.professionals[1:])
    assert (kept.owner, kept.related_persons, kept.measures) == (plan.owner, plan.related_persons, plan.measures)
    assert protection_of(plan) is None, "no message waits for them: it is not about them"
    place = Coordinator(id="place", kind=CoordinatorKind.MUNICIPAL, holder=worker.id)
    assert withheld(plan.evolve(team=CareTeam(id="team", coordinators=(place,)))).professionals == plan.professionals


def test_the_strictest_counts() -> None:
    """Of several gradings in one plan the strictest decides."""
    plan = protected_plan(AddressProtection.CONFIDENTIAL)
    assert protection_of(plan) is AddressProtection.CONFIDENTIAL
    strict = plan.related_persons[0].evolve(protection=AddressProtection.STRICTLY_CONFIDENTIAL)
    assert protection_of(plan.evolve(related_persons=(strict,))) is AddressProtection.STRICTLY_CONFIDENTIAL


def test_what_is_there_stays() -> None:
    """Where the recipient has an address, number or place already, it is neither changed nor taken away."""
    plan = protected_plan()
    there = plan.evolve(
        owner=plan.owner.evolve(contacts=(), address=None),
        related_persons=(),
        measures=tuple(measure.evolve(where="Torget") for measure in plan.measures),
    )
    kept = withheld(plan, (), there)
    assert (kept.owner.contacts, kept.owner.address) == ((), None)
    assert [measure.where for measure in kept.measures] == ["Torget" for _ in plan.measures]
    assert [person.contacts for person in kept.related_persons] == [()]
    assert withheld(plan, (), plan) == plan


@given(_GRADINGS, _GRADINGS, st.sampled_from(Relationship))
def test_it_never_shows_more_by_more_grading(
    owner: AddressProtection | None, relative: AddressProtection | None, relationship: Relationship
) -> None:
    """Whoever is graded themselves is always protected."""
    plan = protected_plan()
    person: RelatedPerson = plan.related_persons[0].evolve(relationship=relationship, protection=relative)
    plan = plan.evolve(owner=plan.owner.evolve(protection=owner), related_persons=(person,))
    graded = {p.id for p in (plan.owner, person) if p.protection is not None}
    assert graded <= protected_persons(plan)
