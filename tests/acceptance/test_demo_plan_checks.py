"""The demo's judgement of the shared plan can fail: each thing that may go wrong is done on purpose, and seen."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ip_fhir.demo.plans.checks import check_copies, check_holders, check_moment, check_withheld
from ip_fhir.demo.plans.parties import PlanPeople
from ip_fhir.demo.plans.story import first_version, withheld_from_school
from ip_fhir.demo.sides import DemoFailed
from ip_fhir.demo.stories import load_stories
from ip_fhir.domain.consent.consent import ConsentStatus
from ip_fhir.domain.values.calendar import local_day
from tests.support.ring import NINA, Ring, make_plan, make_ring
from tests.support.two_sides import EXAMPLES

PLAN = make_plan().id


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """Parties that the plan is shared with: hospital, school, practice."""
    made = make_ring(tmp_path)
    made.holder.save_plan(make_plan(), by=NINA)
    for party in ("hospital", "school", "practice"):
        made.holder.share(PLAN, party, by=NINA)
    made.settle()
    yield made
    made.close()


def unequal(ring: Ring) -> list[str]:
    """The participants whose copies are not what they are to see."""
    people, on = PlanPeople(ring.network.sides, PLAN), local_day(ring.clock.now())
    return [check.subject.partition(",")[0] for check in check_copies(people, on, "en") if not check.ok]


def test_a_copy_that_is_not_the_newest_is_seen(ring: Ring) -> None:
    """All are equal; then the school is down while the plan changes; then it has caught up."""
    assert unequal(ring) == []
    ring.network.down.add("school")
    ring.holder.save_plan(make_plan().evolve(title="Planen min"), by=NINA)
    ring.holder.run_due()
    assert unequal(ring) == ["school"]
    ring.network.down.clear()
    ring.settle()
    assert unequal(ring) == []


def test_a_copy_that_should_be_gone_is_seen(ring: Ring) -> None:
    """The consent is withdrawn while the hospital is down: it still has a copy."""
    plan = make_plan()
    gone = plan.consents[1].evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 1, 12))
    ring.network.down.add("hospital")
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], gone)), by=NINA)
    ring.holder.run_due()
    assert unequal(ring) == ["hospital"]


def test_the_wrong_holder_and_none_are_seen(ring: Ring) -> None:
    """Somebody else holds the plan than the story says; of a plan that nobody holds the story cannot go on."""
    check = check_holders(PlanPeople(ring.network.sides, PLAN), "en")
    assert (check.ok, check.detail) == (False, "it is municipality")
    with pytest.raises(DemoFailed):
        PlanPeople(ring.network.sides, "another").held()


def test_withheld_words_are_seen(tmp_path: Path) -> None:
    """A file of the school's with a word that it may not have, and no file at all, are seen."""
    words = withheld_from_school(first_version(load_stories(EXAMPLES)[0].plan))
    assert len(words) == 3
    assert not check_withheld(tmp_path, words, "en").ok
    (tmp_path / "school.log").write_text("nothing to see\n", encoding="utf-8")
    (tmp_path / "hospital.log").write_text(words[0], encoding="utf-8")
    assert check_withheld(tmp_path, words, "en").ok
    (tmp_path / "school.sqlite").write_bytes(b"\0" + words[0].encode())
    assert not check_withheld(tmp_path, words, "en").ok


def test_a_moment_that_did_not_come_is_seen() -> None:
    """With the reason in words."""
    assert check_moment("made", "en", wrong="").ok
    assert check_moment("made", "en", wrong="it did not happen so").detail == "it did not happen so"
