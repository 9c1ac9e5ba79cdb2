"""docs/consent.md: it names every rule, in the order they are asked, and each example is refused by its rule."""

import re
from datetime import date
from pathlib import Path

import pytest

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, ConsentStatus, Provision
from ip_fhir.domain.consent.permission import AccessRequest, Refused, Rule, permits
from ip_fhir.domain.people import Mandate, MandateKind, PersonName, PlanOwner, RelatedPerson, Relationship
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period

SISTER = RelatedPerson(id="sister", name=PersonName(family="Prøve"), relationship=Relationship.SIBLING)
MOTHER = RelatedPerson(
    id="mother",
    name=PersonName(family="Prøve"),
    relationship=Relationship.MOTHER,
    mandate=Mandate(kind=MandateKind.PARENT),
)
OWNER = PlanOwner(id="owner", name=PersonName(family="Prøve"))
BORN = {
    Rule.OF_AGE: date(2010, 1, 1),
    Rule.UNDER_AGE: date(2020, 1, 1),
}


def _sharing(given: str, ident: str = "c1", **more: object) -> Consent:
    return Consent.model_validate({"id": ident, "kind": "sharing", "given_on": given, **more})


JANUARY = date(2026, 1, 12)
NOT_THE_FAMILY = Provision(access=Access.DENY, recipients=("school",), areas=(LifeArea.FAMILY,))
EXAMPLES: dict[Rule, tuple[list[Consent], date]] = {
    Rule.DECEASED: ([_sharing("2026-01-12", kind="notice")], JANUARY),
    Rule.NO_CONSENT: ([Consent(id="c1", kind=ConsentKind.PLAN, given_on=JANUARY)], JANUARY),
    Rule.NOT_GIVEN: ([_sharing("2026-03-30")], date(2026, 3, 26)),
    Rule.REFUSED: ([_sharing("2026-01-12", status=ConsentStatus.REFUSED)], date(2026, 2, 1)),
    Rule.WITHDRAWN: ([_sharing("2026-02-20", status="withdrawn", withdrawn_on="2026-03-25")], date(2026, 3, 25)),
    Rule.PERIOD: ([_sharing("2026-01-12", period=Period(end=date(2028, 6, 30)))], date(2028, 7, 1)),
    Rule.REPRESENTATIVE: ([_sharing("2026-01-12", given_by="sister")], JANUARY),
    Rule.OF_AGE: ([_sharing("2020-01-12", given_by="mother")], JANUARY),
    Rule.AGE_NOT_KNOWN: ([_sharing("2026-01-12", given_by="mother")], JANUARY),
    Rule.UNDER_AGE: ([_sharing("2026-01-12")], JANUARY),
    Rule.RECIPIENT: ([_sharing("2026-01-12", provisions=[NOT_THE_FAMILY])], JANUARY),
    Rule.DISAGREE: ([_sharing("2026-01-12"), _sharing("2026-01-12", "c2", status="refused")], JANUARY),
}


def test_every_rule_in_order(checkout: Path) -> None:
    """The table has the rules as the code has them."""
    text = (checkout / "docs" / "consent.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == [rule.value for rule in Rule]
    assert set(EXAMPLES) == set(Rule)


@pytest.mark.parametrize("rule", Rule)
def test_the_example(rule: Rule) -> None:
    """What the table gives as an example is refused by that rule."""
    consents, on = EXAMPLES[rule]
    kind = ConsentKind.NOTICE if rule is Rule.DECEASED else ConsentKind.SHARING
    request = AccessRequest(kind, "school", on, areas=(LifeArea.EDUCATION, LifeArea.FAMILY))
    owner = OWNER.evolve(birth_date=BORN.get(rule), dead=rule is Rule.DECEASED or None)
    answer = permits(consents, request, [SISTER, MOTHER], owner)
    assert isinstance(answer, Refused)
    assert answer.rule is rule
