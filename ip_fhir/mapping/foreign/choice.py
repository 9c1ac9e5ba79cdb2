"""The one CarePlan of a bundle that is read and written, where a bundle holds several plans, or several persons'.

What belongs to others is hidden from every table by a mark on its type, told when reading, and kept when writing.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import BundleContent, entries_of
from ip_fhir.fhir.contents import NO_NAME
from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.foreign.persons import of_others

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.compiled import Compiled

_ROOT = "CarePlan"
_NEEDS_NAME = (_ROOT, "Consent")  # left out, the plan would be missing, or a no of the person would be
_OTHER = "is another plan than the one that is read"
_HINTS = {
    "created": "if you know it, say it: created= of read_fhir and open_plan, --created of the commands",
    "subject": "if you know the person, say who: owner= of read_fhir and open_plan, --owner of the commands",
}
_SAY_WHICH = "say which one is meant: plan= of read_fhir and open_plan, --plan of the commands"
_MAY_BE_A_PERSONS = re.compile(r"\d{11}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A bundle in which one CarePlan is visible, with its parts. `others` gives the reason for each hidden entry.

    `plan` is the visible CarePlan; None if the bundle has none.
    """

    bundle: dict[str, Any]
    plan: Entry | None = None
    others: Mapping[int, str] = field(default_factory=dict)

    def restore(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Return a bundle made from this one with the hidden entries as they were."""
        if not self.others:
            return bundle
        return {**bundle, "entry": [_shown(entry) for entry in bundle["entry"]]}

    @contextmanager
    def hints(self) -> Iterator[None]:
        """Adds to the refusals that are raised inside the argument or option that helps."""
        try:
            yield
        except InvalidInput as error:
            raise InvalidInput(map(self._hinted, error.problems)) from None

    def _hinted(self, problem: Problem) -> Problem:
        name = problem.path.removeprefix(f"{self.plan.at}.") if self.plan is not None else ""
        if problem.code != "required" or name not in _HINTS:
            return problem
        return replace(problem, reason=f"{problem.reason}; {_HINTS[name]}")


def choose(bundle: Any, site: Compiled, plan: str | None = None) -> Chosen:
    """Choose the CarePlan that has the id or reference `plan`; without it the only one, or the only active one.

    If some are individual plans by their category, only these count. Raises `InvalidInput` naming the ids if that does
    not leave one.
    """
    content = BundleContent(bundle)
    entries = content.entries
    _refuse_left_out(content)
    plans = [entry for entry in entries if entry.type == _ROOT]
    if plan is None and not plans:
        return Chosen(bundle)
    chosen = _active(plans, site) if plan is None else _named(plans, plan)
    others = {entry.number: _OTHER for entry in plans if entry is not chosen}
    others |= of_others(entries, chosen, site)
    made = [_hidden(entry) if number in others else entry for number, entry in enumerate(bundle["entry"])]
    return Chosen({**bundle, "entry": made} if others else bundle, chosen, others)


def name_of(plan: str, bundle: Any) -> str | None:
    """The name by which `choose` finds the CarePlan of a known plan: its id where the bundle has several, else None.

    An active plan of another id is another plan, even if none has this id; a CarePlan that is alone is meant.
    """
    return plan if sum(entry.type == _ROOT for entry in entries_of(bundle)) > 1 else None


def is_individual(plan: dict[str, Any], site: Compiled) -> bool:
    """True if a CarePlan has the category of an individual plan."""
    category = next(node for const, node in site.lens(_ROOT).inner.consts if "plan-category" in const.place)
    return category.owns(plan)


def _named(plans: list[Entry], name: str) -> Entry:
    found = [entry for entry in plans if name in (entry.id, f"{_ROOT}/{entry.id}", entry.full_url)]
    if len(found) == 1:
        return found[0]
    reason = f"holds {f'{len(found)} CarePlans' if found else 'no CarePlan'} of the id or reference that was asked for"
    reason += f"; its plans are: {_ids(plans)}" if plans else ""
    raise InvalidInput.at("Bundle", reason, "multiple-matches" if found else "not-found")


def _active(plans: list[Entry], site: Compiled) -> Entry:
    candidates = [entry for entry in plans if is_individual(entry.resource, site)] or plans
    active = [entry for entry in candidates if entry.resource.get("status") == "active"]
    for one in (candidates, active):
        if len(one) == 1:
            return one[0]
    said = f"{len(active) or 'none'} of them active ({_ids(active or candidates)})"
    reason = f"holds {len(candidates)} CarePlans that could be meant, {said}; {_SAY_WHICH}"
    raise InvalidInput.at("Bundle", reason, "multiple-matches")


def _ids(plans: list[Entry]) -> str:
    """The ids of plans; instead of one that may have a person's number in it, its place."""
    return ", ".join(entry.at if _MAY_BE_A_PERSONS.search(entry.id) else entry.id for entry in plans)


def _refuse_left_out(content: BundleContent) -> None:
    """Raise `InvalidInput` for an entry that is left out although no plan can be read, or none rightly, without it."""
    problems = []
    types = [_type(entry) for entry in content.bundle.get("entry", ())]
    aside = content.aside
    lost = {number for number in aside if types[number] == _ROOT} if types.count(_ROOT) else set()
    for number, told in aside.items():
        nameless = types[number] in _NEEDS_NAME and told.reason.startswith(NO_NAME)
        if nameless or (number in lost and len(lost) == types.count(_ROOT)):
            problems.append(
                replace(told, reason=told.reason.removesuffix(": not read"), code="required", severity="error")
            )
    if problems:
        raise InvalidInput(problems)


def _type(entry: dict[str, Any]) -> Any:
    resource = entry.get("resource")
    return resource.get("resourceType") if type(resource) is dict else None


def _hidden(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "resource": {**entry["resource"], "resourceType": f"{MARK}{_type(entry)}"}}


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    type_ = _type(entry)
    if type(type_) is not str or not type_.startswith(MARK):
        return entry
    return {**entry, "resource": {**entry["resource"], "resourceType": type_.removeprefix(MARK)}}
