"""Sharing: the view of a plan against the plan's own writing to FHIR bytes, and deciding whose view changed.

Every ratio is to `to_fhir_json` of the same plan, measured in the same rounds. The ids of the shares are known, as they
are once a share has had a view. Each save is of a plan of its own, which nothing was worked out for.
"""

from __future__ import annotations

from datetime import date
from itertools import cycle
from typing import TYPE_CHECKING

from measuring import Figure, interleaved, medians
from sample import sample_plan

from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.lens.cut import cut
from ip_fhir.domain.sharing.lens.index import index_of
from ip_fhir.domain.sharing.policy import terms_of
from ip_fhir.domain.sharing.put_back import put_back
from ip_fhir.domain.sharing.see import see, settle
from ip_fhir.domain.sharing.share import Share
from ip_fhir.mapping import to_fhir_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_YARDSTICK = "plan -> FHIR bytes"
_GOALS = {
    "see: all is open": 1.0,
    "see: one area is closed": 1.0,
    "cut alone: all is open": 0.2,
    "cut alone: one area is closed": 0.2,
    "ten participants: a measure changed that none of them sees": 3,
    "ten participants: a measure changed that five of them see": None,
    "ten participants: a measure changed that all of them see": None,
}
_DAY = date(2026, 6, 1)
_TIMES = 20  # in a round
_SAVES = 50  # plans that are saved, one after the other


def measure(quick: bool) -> Iterator[Figure]:
    """The figures, each by the yardstick."""
    works = subjects()
    rounds = 7 if quick else 40
    taken = interleaved(rounds, **{name: _repeated(work) for name, work in works.items()})
    found = {name: milliseconds / _TIMES * 1000 for name, milliseconds in medians(taken).items()}
    for name, value in found.items():
        yield Figure(name, value, "us", floor=found[_YARDSTICK], at_most=_GOALS.get(name))


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(_TIMES):
            work()

    return run


def subjects() -> dict[str, Callable[[], object]]:
    """What is measured, by name; the first is the yardstick."""
    plan = sample_plan()
    shares = [_share(number) for number in range(10)]
    open_to, closed_to = shares[0], shares[3]
    index = index_of(plan)
    terms, closed_terms = (terms_of(plan, share, _DAY) for share in (open_to, closed_to))
    view = see(plan, open_to, _DAY)
    wanted = view.plan.evolve(measures=(view.plan.measures[0].evolve(how="Alene"), *view.plan.measures[1:]))
    if closed_terms.policy.opens_all or not terms.policy.opens_all:
        raise AssertionError("the shares are not what they are called")
    return {
        _YARDSTICK: lambda: to_fhir_json(plan),
        "see: all is open": lambda: see(plan, open_to, _DAY),
        "see: one area is closed": lambda: see(plan, closed_to, _DAY),
        "cut alone: all is open": lambda: cut(index, open_to, terms, _DAY),
        "cut alone: one area is closed": lambda: cut(index, closed_to, closed_terms, _DAY),
        "digest of a view": view.digest,
        "ten participants: a measure changed that none of them sees": _saves("org-0", "org-1", "org-2", "org-3"),
        "ten participants: a measure changed that five of them see": _saves("org-0", "org-2"),
        "ten participants: a measure changed that all of them see": _saves(),
        "put one measure back": lambda: put_back(wanted, open_to, plan, _DAY),
    }


def _share(number: int) -> Share:
    units = (f"org-{number % 4}",)
    key = f"{number:02}" * 32
    return Share(id=f"s-{number}", plan="plan-1", party=f"p-{number}", organizations=units, key=key, began=_DAY)


def _saves(*denied: str) -> Callable[[], None]:
    """Saves of a plan in which one measure changed that is closed to these organisations: each share is looked at."""
    plan = sample_plan()
    area = plan.measures[0].areas
    provision = Provision(access=Access.DENY, recipients=denied or ("person-1",), areas=area)
    plan = plan.evolve(consents=(plan.consents[0].evolve(provisions=(provision,)),))
    shares = [settle(None, plan, _share(number), _DAY).share for number in range(10)]
    saved = cycle([_with_change(plan, number) for number in range(_SAVES)])
    seen = sum(settle((plan, _DAY), next(saved), share, _DAY).view is not None for share in shares)
    if seen != sum(share.organizations[0] not in denied for share in shares):
        raise AssertionError(f"{seen} of ten see the change")

    def run() -> None:
        now = next(saved)
        for share in shares:
            settle((plan, _DAY), now, share, _DAY)

    return run


def _with_change(plan: IndividualPlan, number: int) -> IndividualPlan:
    first, *others = plan.measures
    return plan.evolve(version=2, measures=(first.evolve(how=f"Alene, {number}"), *others))
