"""Ask before sharing: may NAV see what the plan of person 02 says about work, and about treatment?"""

from datetime import date
from pathlib import Path

from ip_fhir import IndividualPlan, permits, read
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.permission import AccessRequest, Allowed
from ip_fhir.domain.values.terms import LifeArea

FILE = Path(__file__).parent / "plans" / "02-adult-with-mental-illness.json"
plan = read(IndividualPlan, FILE.read_bytes())


def may_see(recipient: str, organization: str, area: LifeArea, day: date) -> bool:
    """Whether the consents of the plan let the recipient see what it says about one area of life."""
    request = AccessRequest(ConsentKind.SHARING, recipient, on=day, within=(organization,), areas=(area,))
    answer = permits(plan.consents, request, plan.related_persons)
    words = "yes" if isinstance(answer, Allowed) else f"no: {answer.reason} ({answer.rule})"
    print(f"{day} {recipient}, {area}: {words}")
    return isinstance(answer, Allowed)


NAV, CASE_WORKER = "org-nav-nordvik", "pro-nav-caseworker"
assert may_see(CASE_WORKER, NAV, LifeArea.WORK, date(2026, 9, 1))
assert not may_see(CASE_WORKER, NAV, LifeArea.TREATMENT, date(2026, 9, 1)), "the person keeps this from NAV"
assert not may_see(CASE_WORKER, NAV, LifeArea.WORK, date(2026, 3, 27)), "one consent withdrawn, no new one yet"
assert not may_see(CASE_WORKER, NAV, LifeArea.WORK, date(2028, 1, 1)), "the consent's period is over"
