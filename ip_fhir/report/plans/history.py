"""The history of a plan: each version, when it was saved and by whom, and what changed in a few words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from ip_fhir.domain.merge.difference import ChangeKind, difference
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.plans.labels import label
from ip_fhir.report.plans.titles import FIELDS, changed_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ip_fhir.domain.merge.difference import Change
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Author
    from ip_fhir.report.words.codes import Language

Row = tuple[str, str, str, str]
"""Version, time in Norway, author, and what changed, in words."""


class Version(Protocol):
    """A version of a plan as a store keeps it."""

    @property
    def version(self) -> int:
        """Number of the version, from 1."""

    @property
    def plan(self) -> IndividualPlan:
        """The plan."""

    @property
    def saved(self) -> datetime:
        """Time when it was saved, with zone."""

    @property
    def by(self) -> Author | None:
        """The person of our own side who saved it; None: it came with a change or a handover."""


def history_headings(language: Language) -> tuple[str, str, str, str]:
    """Returns the headings over the rows of `history_rows`."""
    return (
        label("version", language).capitalize(),
        label("when", language),
        label("who", language),
        label("what", language),
    )


def history_rows(versions: Sequence[Version], language: Language, *, names: bool = True) -> list[Row]:
    """Returns a row for each version, the newest first. Without `names` it is not told who saved it.

    `versions` may be in any order. A version whose forerunner is not among them, as after a purge, is told without what
    changed.
    """
    known = {one.version: one for one in versions}
    return [
        _row(one, known.get(number - 1), language, names=names) for number, one in sorted(known.items(), reverse=True)
    ]


def _row(one: Version, before: Version | None, language: Language, *, names: bool) -> Row:
    who = one.by.name if one.by is not None and names else ""
    if before is not None:
        what = change_words(difference(before.plan, one.plan), one.plan, language)
    else:
        what = label("first-version" if one.version == 1 else "not-known", language)
    return str(one.version), f"{one.saved.astimezone(OSLO):%Y-%m-%d %H:%M}", who, what


def change_words(changes: Sequence[Change], plan: IndividualPlan, language: Language) -> str:
    """Returns a difference in a few words: "Tiltak: 1 lagt til, 2 endret". `plan` is the newer plan."""
    return "; ".join(_said(changes, plan, language)) or label("nothing-changed", language)


def _said(changes: Sequence[Change], plan: IndividualPlan, language: Language) -> Iterator[str]:
    counts: Counter[tuple[str, str]] = Counter()
    of_plan = []
    for kind, key in _KINDS:
        for item in changed_items(changes, kind, plan):
            if item.field in FIELDS:
                counts[item.field, key] += 1
            else:
                of_plan.append(label(f"field-{item.field}", language))
    for field in FIELDS:
        told = [f"{counts[field, key]} {label(key, language)}" for _, key in _KINDS if counts[field, key]]
        if told:
            yield f"{label(f'kind-{field}', language)}: {', '.join(told)}"
    if of_plan:
        yield f"{label('one-plan', language)}: {', '.join(of_plan)}"
    if moved := [change for change in changes if change.kind is ChangeKind.REORDERED]:
        yield f"{label('reordered', language)}: {', '.join(label(f'kind-{one.field}', language) for one in moved)}"


_KINDS: Final = (
    (ChangeKind.ADDED, "count-new"),
    (ChangeKind.CHANGED, "count-changed"),
    (ChangeKind.REMOVED, "count-gone"),
)
