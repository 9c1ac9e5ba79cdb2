"""Plans, notices and green forms with one list, or one pair of lists, of any length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.green_form import FormDecision, GreenForm
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import (
    Address,
    Attachment,
    ContactPoint,
    ContactSystem,
    Mandate,
    MandateKind,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Professional,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.plan import (
    Contribution,
    Contributor,
    Cooperation,
    Goal,
    IndividualPlan,
    Measure,
    Need,
    Resource,
    Review,
    ReviewKind,
)
from ip_fhir.domain.team import CareTeam, Coordinator, Membership, TeamRole
from ip_fhir.domain.values.ids import HerId, OrganizationNumber
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Period

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.values.value import Value

START = date(2020, 1, 1)
SENT = datetime(2026, 1, 12, 9, tzinfo=UTC)
OWNER = PlanOwner(id="owner", name=PersonName(family="Prøve", given="Eksempel"))
_AREAS = tuple(LifeArea)


@dataclass(frozen=True)
class Case:
    """Something that grows: `make` gives the changed fields for a length.

    The name says which lists of the root grow, `Model.field` for those inside it; with x they are a pair.
    """

    name: str
    make: Callable[[int], dict[str, Any]]

    @property
    def lists(self) -> list[str]:
        """The lists that grow."""
        return [part.strip() for part in self.name.partition(":")[0].split(" x ")]

    def most(self, root: type[Value]) -> int:
        """The largest length; a notice and a form name two organisations beside it."""
        bounds = bounds_of(root)
        parties = 2 if "organizations" in self.lists and root is not IndividualPlan else 0
        return min(bounds[name] for name in self.lists) - parties


def name(number: int) -> PersonName:
    """A person's name."""
    return PersonName(family=f"Prøve{number}")


def organizations(count: int, *, chain: bool = False) -> tuple[Organization, ...]:
    """So many organisations; with `chain`, each a unit of the one before it."""
    return tuple(
        Organization(
            id=f"org-{n}",
            name=f"Enhet {n}",
            kind=OrganizationKind.OTHER,
            part_of=f"org-{n - 1}" if chain and n else None,
        )
        for n in range(count)
    )


def professionals(count: int, units: int = 0) -> tuple[Professional, ...]:
    """So many professionals, who work for the first `units` organisations in turn."""
    return tuple(
        Professional(id=f"pro-{n}", name=name(n), organization=f"org-{n % units}" if units else None)
        for n in range(count)
    )


def relatives(count: int) -> tuple[RelatedPerson, ...]:
    """So many relatives, each with a mandate."""
    return tuple(
        RelatedPerson(
            id=f"rel-{n}", name=name(n), relationship=Relationship.FRIEND, mandate=Mandate(kind=MandateKind.WRITTEN)
        )
        for n in range(count)
    )


def consents(count: int, **fields: Any) -> tuple[Consent, ...]:
    """So many consents to sharing, each from its own day on."""
    return tuple(
        Consent(id=f"consent-{n}", kind=ConsentKind.SHARING, given_on=START + timedelta(days=n), **fields)
        for n in range(count)
    )


def provisions(count: int) -> tuple[Provision, ...]:
    """So many provisions, each for one professional, one area and days of its own."""
    return tuple(
        Provision(
            access=Access.DENY if n % 3 else Access.PERMIT,
            recipients=(f"pro-{n}",),
            areas=(_AREAS[n % len(_AREAS)],),
            period=Period(start=START + timedelta(days=n)),
        )
        for n in range(count)
    )


def needs(count: int) -> tuple[Need, ...]:
    """So many needs."""
    return tuple(Need(id=f"need-{n}", text="Avlastning hver uke") for n in range(count))


def goals(count: int, mains: int = 0) -> tuple[Goal, ...]:
    """So many goals; after the first `mains` ones, sub-goals of these in turn."""
    return tuple(
        Goal(id=f"goal-{n}", text="Svømme hver uke", part_of=f"goal-{n % mains}" if mains and n >= mains else None)
        for n in range(count)
    )


def measures(count: int, goals_: int = 0) -> tuple[Measure, ...]:
    """So many measures, towards the first `goals_` goals in turn."""
    return tuple(
        Measure(id=f"measure-{n}", what="Følge til trening", goals=(f"goal-{n % goals_}",) if goals_ else ())
        for n in range(count)
    )


def contacts(count: int) -> tuple[ContactPoint, ...]:
    """So many telephone numbers."""
    return tuple(ContactPoint(system=ContactSystem.PHONE, value=f"+47 00 {n}") for n in range(count))


def coordinators(count: int, *, one: bool) -> tuple[Coordinator, ...]:
    """So many places, one after the other; `one`: held by one person, and all at once."""
    return tuple(
        Coordinator(
            id=f"place-{n}",
            holder="pro-0" if one else f"pro-{n % 2}",
            period=Period() if one else Period(start=START + timedelta(days=n), end=START + timedelta(days=n)),
        )
        for n in range(count)
    )


def team(**fields: Any) -> CareTeam:
    """A team."""
    return CareTeam(id="team", **fields)


def _team_members(count: int) -> dict[str, Any]:
    members = tuple(
        Membership(id=f"m-{n}", member=f"pro-{n % 2000}", role=TeamRole.SERVICE_PROVIDER) for n in range(count)
    )
    return {"professionals": professionals(min(count, 2000)), "team": team(memberships=members)}


def _reviews(count: int, participants: tuple[str, ...] = ()) -> tuple[Review, ...]:
    planned = (START + timedelta(days=n) for n in range(count))
    return tuple(
        Review(id=f"review-{n}", kind=ReviewKind.FOLLOW_UP, planned=day, participants=participants)
        for n, day in enumerate(planned)
    )


def _ids(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}-{n}" for n in range(count))


def _measure(**fields: Any) -> tuple[Measure, ...]:
    return (Measure(id="measure-0", what="Følge til trening", **fields),)


PLAN_CASES = (
    Case("legal_basis", lambda n: {"legal_basis": (LegalBasis.HOL_7_1,) * n}),
    Case("related_persons", lambda n: {"related_persons": relatives(n)}),
    Case("organizations", lambda n: {"organizations": organizations(n)}),
    Case("organizations: each part of the one before", lambda n: {"organizations": organizations(n, chain=True)}),
    Case(
        "organizations x professionals",
        lambda n: {"organizations": organizations(n, chain=True), "professionals": professionals(2 * n, n)},
    ),
    Case("professionals", lambda n: {"professionals": professionals(n)}),
    Case("resources", lambda n: {"resources": tuple(Resource(id=f"r-{i}", text="Venner") for i in range(n))}),
    Case("needs", lambda n: {"needs": needs(n)}),
    Case("goals", lambda n: {"goals": goals(n)}),
    Case("goals: half of them sub-goals", lambda n: {"goals": goals(n, n // 2)}),
    Case("measures", lambda n: {"measures": measures(n)}),
    Case("goals x measures", lambda n: {"goals": goals(n), "measures": measures(2 * n, n)}),
    Case(
        "contributions",
        lambda n: {
            "contributions": tuple(
                Contribution(id=f"c-{i}", by=Contributor.OWNER, text="Trener selv") for i in range(n)
            )
        },
    ),
    Case(
        "cooperation",
        lambda n: {"cooperation": tuple(Cooperation(id=f"co-{i}", with_whom="Skolen") for i in range(n))},
    ),
    Case("reviews", lambda n: {"reviews": _reviews(n)}),
    Case("consents", lambda n: {"consents": consents(n)}),
    Case("consents x professionals", lambda n: {"consents": consents(n), "professionals": professionals(2 * n)}),
    Case(
        "consents x related_persons",
        lambda n: {"consents": consents(n, given_by="rel-0"), "related_persons": relatives(n)},
    ),
    Case("CareTeam.memberships", _team_members),
    Case(
        "CareTeam.coordinators",
        lambda n: {"professionals": professionals(2), "team": team(coordinators=coordinators(n, one=False))},
    ),
    Case(
        "CareTeam.coordinators: of one person",
        lambda n: {"professionals": professionals(1), "team": team(coordinators=coordinators(n, one=True))},
    ),
    Case("Goal.areas", lambda n: {"goals": (Goal(id="g", text="Svømme", areas=(LifeArea.WORK,) * n),)}),
    Case("Measure.areas", lambda n: {"measures": _measure(areas=(LifeArea.WORK,) * n)}),
    Case("Measure.goals", lambda n: {"goals": goals(n), "measures": _measure(goals=_ids("goal", n))}),
    Case(
        "Measure.takes_part",
        lambda n: {"professionals": professionals(n), "measures": _measure(takes_part=_ids("pro", n))},
    ),
    Case(
        "Review.participants",
        lambda n: {"professionals": professionals(n), "reviews": _reviews(1, _ids("pro", n))},
    ),
    Case(
        "Consent.provisions",
        lambda n: {"professionals": professionals(n), "consents": consents(1, provisions=provisions(n))},
    ),
    Case(
        "Provision.areas",
        lambda n: {"consents": consents(1, provisions=(Provision(access=Access.DENY, areas=(LifeArea.WORK,) * n),))},
    ),
    Case(
        "Provision.recipients",
        lambda n: {
            "professionals": professionals(n),
            "consents": consents(1, provisions=(Provision(access=Access.DENY, recipients=_ids("pro", n)),)),
        },
    ),
    Case("PlanOwner.contacts", lambda n: {"owner": OWNER.evolve(contacts=contacts(n))}),
    Case("Address.lines", lambda n: {"owner": OWNER.evolve(address=Address(lines=("Storgata",) * n))}),
    Case(
        "Professional.contacts",
        lambda n: {"professionals": (Professional(id="p", name=name(0), contacts=contacts(n)),)},
    ),
    Case("RelatedPerson.contacts", lambda n: {"related_persons": (relatives(1)[0].evolve(contacts=contacts(n)),)}),
    Case("Organization.contacts", lambda n: {"organizations": (organizations(1)[0].evolve(contacts=contacts(n)),)}),
)
"""Every list of a plan, and the pairs of lists that refer to each other."""


def plan(**fields: Any) -> IndividualPlan:
    """A plan that says no more than it must, and these fields."""
    return IndividualPlan(**{"id": "plan", "owner": OWNER, "created": SENT, **fields})


_PARTIES = (  # as the two sides of `benchmarks/loops.py`
    Organization(
        id="hospital",
        name="Sykehuset",
        kind=OrganizationKind.HOSPITAL,
        organization_number=OrganizationNumber("983971636"),
    ),
    Organization(id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId("80001")),
)


def notice(number: str = "1", **fields: Any) -> Notice:
    """A notice that says no more than it must, and these fields; organisations beside the two parties."""
    more = fields.pop("organizations", ())
    said = {
        "id": f"notice-{number}",
        "correlation_id": f"referral-{number}",
        "kind": NoticeKind.COORDINATOR,
        "authored": SENT,
        "owner": OWNER,
        "sender": "hospital",
        "recipient": "unit",
        "legal_basis": (LegalBasis.HOL_7_2,),
    }
    return Notice(**{**said, **fields, "organizations": (*_PARTIES, *more)})


def _attachments(count: int) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(title=f"Epikrise {n}", content_type="application/pdf", url=f"https://example.org/{n}")
        for n in range(count)
    )


_SHARED = ("related_persons", "organizations", "professionals", "needs", "consents", "owner", "legal_basis")
NOTICE_CASES = (
    *(case for case in PLAN_CASES if case.make(1).keys() <= set(_SHARED) and case.name != "legal_basis"),
    Case("legal_basis", lambda n: {"legal_basis": (LegalBasis.HOL_7_2,) * n}),
    Case("attachments", lambda n: {"attachments": _attachments(n)}),
)
"""Every list of a notice."""


def largest_notice() -> Notice:
    """A notice of nearly 5 MB, with as many small values in it as that holds."""
    reached = tuple(person.evolve(contacts=contacts(65)) for person in professionals(1200, 998))
    return notice(
        "worst",
        organizations=organizations(998, chain=True),
        professionals=reached,
        needs=needs(1000),
        related_persons=relatives(500),
    )


def form(answers: str = "referral-1", **fields: Any) -> GreenForm:
    """A green form that names these, beside the unit that sends it."""
    more = fields.pop("organizations", ())
    said = {"id": f"form-of-{answers}", "answers": answers, "authored": SENT, "sender": "unit"}
    decision = {"decision": FormDecision.APPOINTED}
    return GreenForm(**{**said, **decision, **fields, "organizations": (*_PARTIES, *more)})


FORM_CASES = (
    *(case for case in PLAN_CASES if case.make(1).keys() <= {"organizations", "professionals"}),
    Case(
        "coordinators x professionals",
        lambda n: {
            "professionals": professionals(2 * n),
            "coordinators": tuple(Coordinator(id=f"place-{i}", holder=f"pro-{i}") for i in range(n)),
        },
    ),
)
"""Every list of a green form."""


def bounds_of(model: type[Value]) -> dict[str, int]:
    """The lists of a model and of the values in it, and their bounds: `field` for its own, `Model.field` for others."""
    schema = model.model_json_schema()
    places = [("", schema), *((f"{kind}.", said) for kind, said in schema.get("$defs", {}).items())]
    return {
        f"{where}{field}": array["maxItems"]
        for where, said in places
        for field, what in said.get("properties", {}).items()
        for array in (what, *what.get("anyOf", ()))
        if array.get("type") == "array"
    }
