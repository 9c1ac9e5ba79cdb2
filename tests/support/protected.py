"""A plan and a notice about a person with a protected address, with a canary wherever something leads there.

Nobody lives there, and no number is anybody's.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from hypothesis import strategies as st

from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import (
    Address,
    AddressProtection,
    ContactPoint,
    ContactSystem,
    PersonName,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.values.ids import MunicipalityNumber
from ip_fhir.domain.values.value import read
from tests.support.two_sides import EXAMPLES, notice

CANARIES = ("Løynvegen 7", "9099", "Skjulestad", "5401", "99900001", "gøymt@example.org", "99900002", "Gøymeplassen")
"""Words that lead to the person: address, municipality, contacts of person and mother; in the plan also a place."""

IN_NOTICE = CANARIES[:-1]
"""Those that a notice has, which holds no measures."""

_MOTHER = RelatedPerson(
    id="mother",
    name=PersonName(family="Testesen", given="Mor"),
    relationship=Relationship.MOTHER,
    contacts=(ContactPoint(system=ContactSystem.PHONE, value="99900002"),),
)
_ADDRESS = Address(
    lines=("Løynvegen 7",), postal_code="9099", city="Skjulestad", municipality=MunicipalityNumber("5401")
)
_CONTACTS = (
    ContactPoint(system=ContactSystem.PHONE, value="99900001"),
    ContactPoint(system=ContactSystem.EMAIL, value="gøymt@example.org"),
)


Whole = TypeVar("Whole", bound=IndividualPlan | Notice)


@st.composite
def graded(draw: st.DrawFn, whole: Whole) -> Whole:
    """The plan or notice with gradings on some of its persons, and the canaries at each person and measure."""
    gradings = st.sampled_from((None, *AddressProtection))
    related = [person.evolve(contacts=_MOTHER.contacts, protection=draw(gradings)) for person in whole.related_persons]
    owner = whole.owner.evolve(address=_ADDRESS, contacts=_CONTACTS, protection=draw(gradings))
    changes: dict[str, Any] = {"owner": owner, "related_persons": tuple(related)}
    if isinstance(whole, IndividualPlan):
        changes["measures"] = tuple(measure.evolve(where="Gøymeplassen") for measure in whole.measures)
    return cast("Whole", whole.evolve(**changes))


def protected_notice(protection: AddressProtection | None = AddressProtection.CONFIDENTIAL, name: str = "03") -> Notice:
    """An example notice whose owner has this grading and all canaries but the place."""
    made = notice(name)
    owner = made.owner.evolve(address=_ADDRESS, contacts=_CONTACTS, protection=protection)
    return made.evolve(owner=owner, related_persons=(*made.related_persons, _MOTHER))


def protected_plan(protection: AddressProtection | None = AddressProtection.CONFIDENTIAL) -> IndividualPlan:
    """A small plan whose owner has this grading and all canaries."""
    path = min((EXAMPLES / "plans").glob("*.json"))
    made = read(IndividualPlan, path.read_bytes())
    owner = made.owner.evolve(address=_ADDRESS, contacts=_CONTACTS, protection=protection)
    measure = Measure(id="measure-hidden", what="Trening", where="Gøymeplassen")
    bare = dict.fromkeys(("goals", "contributions", "reviews", "consents", "cooperation"), ())
    return made.evolve(**bare, owner=owner, related_persons=(_MOTHER,), measures=(measure,), team=None)
