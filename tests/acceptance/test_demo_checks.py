"""The demo's judgement can fail: each thing that may go wrong is done on purpose, and named."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from ip_fhir.demo import checks
from ip_fhir.demo.checks import Check, MappingFunctions
from ip_fhir.demo.hl7v2.run import V2Part
from ip_fhir.demo.people import People, at_work
from ip_fhir.demo.place import SimulatedClock, loop_parties, write_settings
from ip_fhir.demo.screen import Screen
from ip_fhir.demo.sides import SideProcess, Sides
from ip_fhir.demo.stories import Story, load_stories
from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.referral import FormStatus, Role, State
from ip_fhir.errors import InvalidInput
from ip_fhir.report.history import Loop, side_in
from tests.support.two_sides import EXAMPLES, START, make_loop

AGREEMENT = Agreement(two_coordinators_allowed=True)
STORIES = {story.script.number: story for story in load_stories(EXAMPLES)}


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Loop]:
    """The five stories, as they should go."""
    two = make_loop(tmp_path_factory.mktemp("stores"), (AGREEMENT,))
    for story in STORIES.values():
        two.clock.at = story.notice.authored
        two.hospital.exchange.send_notice(story.notice)
        two.settle()
    for form in sorted((f for story in STORIES.values() for f in story.forms), key=lambda form: form.authored):
        while two.clock.at < form.authored:
            two.clock.at = min(form.authored, two.clock.at + timedelta(days=1))
            two.settle()
        two.municipality.exchange.answer(form)
        two.settle()
    found = {number: _loop(two, story) for number, story in STORIES.items()}
    two.hospital.exchange.close()
    two.municipality.exchange.close()
    return found


def _loop(two: object, story: Story) -> Loop:
    sides = [
        side_in(getattr(two, name).exchange.store, story.notice.correlation_id) for name in ("hospital", "municipality")
    ]
    assert sides[0] is not None
    assert sides[1] is not None
    return Loop(sides[0], sides[1], AGREEMENT.answer_days)


def wrong(found: list[Check]) -> str:
    """What the failed checks say."""
    return "; ".join(check.detail for check in found if not check.ok)


def judge(number: str, loop: Loop | None, story: Story | None = None) -> str:
    """What is wrong with one loop."""
    return wrong(checks.check_loops([(story or STORIES[number], loop)], AGREEMENT, "en"))


def test_as_they_should_go(loops: dict[str, Loop]) -> None:
    """The five stories pass: fifteen checks, none fails."""
    found = checks.check_loops([(STORIES[n], loop) for n, loop in loops.items()], AGREEMENT, "nb")
    assert (len(found), wrong(found)) == (15, "")


def with_hospital(loop: Loop, **changes: object) -> Loop:
    """The loop with another referral on the hospital's side."""
    return replace(loop, hospital=replace(loop.hospital, referral=loop.hospital.referral.evolve(**changes)))


@dataclass(frozen=True)
class Spoilt:
    """A story, what is done to its loop, and the words that must come."""

    number: str
    spoil: Callable[[Loop], Loop | None]
    words: tuple[str, ...]


SPOILT = {
    "unknown": Spoilt("01", lambda _: None, ("one of the sides does not know the loop",)),
    "state": Spoilt("01", lambda loop: with_hospital(loop, state=State.INCOMPLETE),
                    ("ended as incomplete, not confirmed", "the hospital has incomplete, the municipality confirmed")),
    "reminders": Spoilt("02", lambda loop: with_hospital(loop, reminders=3),
                        ("3 reminders and 0 escalations, not 2 and 0", "3 reminders were sent, 2 were taken in")),
    "forms": Spoilt("03", lambda loop: with_hospital(loop, forms=loop.hospital.referral.forms[1:]),
                    ("forms: complete, not incomplete, complete", "do not have the same green forms")),
    "missing": Spoilt("03", lambda loop: with_hospital(loop, forms=(
        loop.hospital.referral.forms[0].evolve(missing=loop.hospital.referral.forms[0].missing[:1]),
        loop.hospital.referral.forms[1])), ("what the form lacks was not said in full",)),
    "coordinators": Spoilt("04", lambda loop: with_hospital(loop, forms=(loop.hospital.referral.forms[0].evolve(
        form=STORIES["04"].forms[0].evolve(coordinators=STORIES["04"].forms[0].coordinators[:1])),)),
        ("1 coordinators at once, not 2",)),
    "planned": Spoilt("02", lambda loop: with_hospital(loop, forms=(loop.hospital.referral.forms[0].evolve(
        form=STORIES["02"].forms[0].evolve(coordinators=(
            STORIES["02"].forms[0].coordinators[0].evolve(holder="pro-ke-leader", mentor=None),))),)),
        ("the plan does not have the coordinator that the form names",)),
    "rejection": Spoilt("05", lambda loop: with_hospital(loop, forms=(loop.hospital.referral.forms[0].evolve(
        form=STORIES["05"].forms[0].evolve(rejection=None)),)), ("the rejection lacks its reason",)),
    "notice": Spoilt("01", lambda loop: with_hospital(loop, notice=STORIES["01"].notice.evolve(reason="Noe annet")),
                     ("the hospital's notice is not the one that was sent",)),
    "cut": Spoilt("01", lambda loop: replace(loop, municipality=replace(
        loop.municipality, referral=loop.municipality.referral.evolve(notice=STORIES["01"].notice.evolve(needs=())))),
        ("the municipality's notice is not what the agreement lets out",)),
    "lost": Spoilt("02", lambda loop: replace(loop, municipality=replace(
        loop.municipality, evidence=[k for k in loop.municipality.evidence if k.record.event.kind != "remind"])),
        ("a message was sent and not taken in: reminder",)),
    "twice": Spoilt("01", lambda loop: replace(loop, hospital=replace(
        loop.hospital, evidence=[*loop.hospital.evidence, loop.hospital.evidence[-1]])),
        ("the hospital took a message in twice",)),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_what_goes_wrong_is_seen(loops: dict[str, Loop], name: str) -> None:
    """Each way a loop can go wrong is seen, and said in words."""
    spoilt = SPOILT[name]
    said = judge(spoilt.number, spoilt.spoil(loops[spoilt.number]))
    assert all(words in said for words in spoilt.words), said


def test_a_form_too_many_is_seen(loops: dict[str, Loop]) -> None:
    """A form that was taken for a second one is not as the story says."""
    kept = loops["01"].hospital.referral.forms[0]
    said = judge("01", with_hospital(loops["01"], forms=(kept, kept.evolve(status=FormStatus.CONTRADICTORY))))
    assert "forms: complete, contradictory, not complete" in said


# --- stores, processes, maps ---------------------------------------------------------------------


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """The people of both sides, with empty stores and one notice that was not sent."""
    place = tmp_path / "run"
    write_settings(place, loop_parties(STORIES["01"].notice), "en")
    SimulatedClock(place / "clock").set(START)
    with at_work(place) as found:
        found.exchanges[Role.HOSPITAL].send_notice(STORIES["01"].notice)
        yield found


def test_stores_are_judged(people: People, tmp_path: Path) -> None:
    """A message that lies unsent, and a record that was changed, are seen; the side that has neither passes."""
    exchanges = {str(role): exchange for role, exchange in people.exchanges.items()}
    found = checks.check_stores(exchanges, "en")
    assert wrong(found) == "1 messages were not sent"
    with closing(sqlite3.connect(tmp_path / "run" / "hospital.sqlite")) as database:
        database.execute("UPDATE evidence SET body = replace(body, 'hospital', 'municipal')")
        database.commit()
    failed = [check for check in checks.check_stores(exchanges, "en") if not check.ok]
    assert {check.subject for check in failed} == {"hospital"}
    assert "evidence.1: the record was changed" in wrong(failed)


@pytest.mark.parametrize("leak", ["Solbakk Nordås", str(STORIES["01"].notice.owner.identifier)])
def test_processes_and_logs_are_judged(leak: str, tmp_path: Path) -> None:
    """A process that did not end in order, and a log with a person in it, are seen."""
    side = SideProcess("hospital", tmp_path, 1)
    side.log.write_text("nothing to see\n", encoding="utf-8")
    side.exit_code = 0
    assert wrong(checks.check_quiet([side], list(STORIES.values()), "en")) == ""
    side.log.write_text(f"error: {leak}\n", encoding="utf-8")
    side.exit_code = -6
    said = wrong(checks.check_quiet([side], list(STORIES.values()), "en"))
    assert "ended with -6" in said
    assert "names Ylva" in said
    assert leak not in said


REF_I14 = b"MSH|^~\\&|A|B|C|D|20260112||REF^I14^REF_I12|1|P|2.5.1\rRF1||R\rPRD|RP\rPID|||1||A\r"


@pytest.mark.parametrize(
    ("content", "words"), [(b"{}", "the hospital sent application/fhir+json"), (REF_I14, "the hospital sent REF^I14")]
)
def test_another_wire_than_that_of_the_story_is_seen(people: People, content: bytes, words: str) -> None:
    """A message that did not go as HL7 v2, or as another event, and a side that sent nothing, are seen."""
    store = people.exchanges[Role.HOSPITAL].store
    (row,) = store.outbox("waiting")
    store.keep_content(row.id, content, "application/fhir+json" if content == b"{}" else "application/hl7-v2+er7")
    store.sent(row.id, START)
    part = V2Part(STORIES["01"], people, cast("Sides", None), cast("SimulatedClock", None), Screen("en", ["Ylva"]))
    assert part.check().detail == f"{words}; the municipality sent nothing"


def test_maps_are_judged() -> None:
    """A map that loses something, writes something else, refuses, or makes what FHIR does not accept, is seen."""
    stories = [STORIES["01"]]
    assert wrong(checks.check_maps(stories, "en")) == ""

    def refuse(_: object) -> list[object]:
        raise InvalidInput.at("here", "not so")

    broken = MappingFunctions(
        from_fhir=lambda _: STORIES["02"].plan,
        put_plan=lambda _, bundle: {**bundle, "type": "batch"},
        to_models=lambda _: [],
    )
    said = wrong(checks.check_maps(stories, "en", broken))
    assert "the plan that came back is another" in said
    assert "writing what was read changed the bundle" in said
    assert "not every resource was read" in said
    assert wrong(checks.check_maps(stories, "en", MappingFunctions(to_models=refuse))) == "here: not so"
