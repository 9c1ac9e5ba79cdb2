"""The checks of the second part: each copy is what its participant is to see, and what is withheld is nowhere there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.demo.checks import Check
from ip_fhir.demo.plans.parties import NEWTOWN, PARTICIPANTS, SCHOOL
from ip_fhir.domain.sharing.see import see

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from ip_fhir.demo.plans.parties import PlanPeople
    from ip_fhir.report.words.codes import Language


def is_equal(people: PlanPeople, party: str, on: date) -> bool:
    """True if a participant's copy is what it is to see on the Norwegian day `on`; nothing, where its share ended."""
    held, copy = people.held(), people.copy(party)
    share = next((one for one in held.shares if one.party == party and one.goes_on), None)
    view = copy.view if copy is not None else None
    return view == (see(people.current(), share, on) if share is not None else None)


def check_copies(people: PlanPeople, on: date, language: Language) -> Iterator[Check]:
    """Yields for each participant a check that its copy is what it is to see."""
    for party in PARTICIPANTS:
        yield Check(_NAMES[language]["equal"], f"{party}, {on}", ok=is_equal(people, party, on), detail="it is not")


def check_moment(what: str, language: Language, *, wrong: str) -> Check:
    """Returns the check that an act had the effect that the story says; `wrong` says why not, or is empty."""
    return Check(_NAMES[language]["moment"], what, ok=not wrong, detail=wrong)


def check_holders(people: PlanPeople, language: Language) -> Check:
    """Returns the check that one party holds the plan in the end, and which."""
    holders = people.holders
    return Check(_NAMES[language]["holder"], NEWTOWN, ok=holders == [NEWTOWN], detail=f"it is {', '.join(holders)}")


def check_withheld(run: Path, words: Iterable[str], language: Language) -> Check:
    """Returns the check that no file of the school's, of whatever kind, has any of these words."""
    files = {file: file.read_bytes() for file in sorted(run.glob(f"{SCHOOL}*")) if file.is_file()}
    found = [file.name for file, content in files.items() if any(word.encode() in content for word in words)]
    return Check(_NAMES[language]["withheld"], SCHOOL, ok=bool(files) and not found, detail=f"it is in {found}")


_NAMES: dict[Language, dict[str, str]] = {
    "nb": {
        "equal": "Hver deltakers kopi er det den skal se",
        "moment": "Det som skulle skje med planen, skjedde",
        "holder": "Én part har planen",
        "withheld": "Det skolen ikke skal se, finnes ikke hos skolen",
    },
    "en": {
        "equal": "Each participant's copy is what it is to see",
        "moment": "What was to happen to the plan happened",
        "holder": "One party holds the plan",
        "withheld": "What the school may not see is nowhere at the school",
    },
}
