"""A loop read from both stores: its messages, with whom the ball was, what people read, and the picture."""

import re
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.history import Loop, crossings, notes, spans
from ip_fhir.report.pictures.drawing import Axis
from ip_fhir.report.pictures.timeline import timeline
from ip_fhir.report.words.codes import LANGUAGES, Language
from ip_fhir.report.words.loop import lines
from tests.report.conftest import World
from tests.support.two_sides import notice

SVG = "{http://www.w3.org/2000/svg}"


def told(loop: Loop, language: Language = "en") -> list[str]:
    """The lines of a loop: day, side, words."""
    return [f"{line.at.astimezone(OSLO):%d.%m} {line.role}: {line.text}" for line in lines(loop, language)]


def test_answered_at_once(world: World) -> None:
    """Two messages, one span with the municipality, and it is over."""
    loop = world.story("01")
    assert [(c.kind, c.sender, c.complete) for c in crossings(loop)] == [
        (MessageKind.NOTICE, Role.HOSPITAL, None),
        (MessageKind.GREEN_FORM, Role.MUNICIPALITY, True),
    ]
    assert all(c.arrived is not None for c in crossings(loop))
    assert [(s.holder, s.state) for s in spans(loop)] == [
        (Role.MUNICIPALITY, State.DELIVERED),
        (None, State.CONFIRMED),
    ]
    assert loop.closed == crossings(loop)[1].at
    assert notes(loop) == []
    assert told(loop) == [
        "12.01 hospital: notice: needs a child coordinator (consent)",
        "12.01 hospital: receipt: stored by the municipality, answer due 2 Feb",
        "14.01 municipality: sends the green form: the coordinator is Marit Bjørgum",
        "14.01 hospital: the form is complete, the loop is closed",
    ]


def test_two_reminders(world: World) -> None:
    """Reminders are crossings with their numbers; the own people of both sides were told as well."""
    loop = world.story("02")
    reminders = [
        (c.effect.number, c.at.astimezone(OSLO).date().isoformat()) for c in crossings(loop) if c.kind == "reminder"
    ]
    assert reminders == [(1, "2026-02-02"), (2, "2026-02-09")]
    assert {role for _, role, _ in notes(loop)} == {Role.HOSPITAL, Role.MUNICIPALITY}
    assert loop.deadline is not None
    assert loop.closed is not None
    assert loop.closed > loop.deadline
    assert [line for line in told(loop, "nb") if "purring" in line] == [
        "02.02 hospital: purring 1: grønt skjema er ikke kommet",
        "09.02 hospital: purring 2: grønt skjema er ikke kommet",
    ]


def test_an_incomplete_form_goes_back(world: World) -> None:
    """The form comes first, its return second, though both happened at one moment."""
    loop = world.story("03")
    kinds = [(c.kind, c.complete) for c in crossings(loop)]
    assert kinds == [
        (MessageKind.NOTICE, None),
        (MessageKind.GREEN_FORM, False),
        (MessageKind.FORM_INCOMPLETE, None),
        (MessageKind.GREEN_FORM, True),
    ]
    text = "\n".join(told(loop))
    assert "(by law, without consent)" in text
    assert "It lacks how to reach the coordinator, from which day and an answer to the wish" in text


def test_two_coordinators_and_a_rejection(world: World) -> None:
    """Both names; the reason and where to complain."""
    assert "coordinators are Trond Håvik and Eli Brønstad" in "\n".join(told(world.story("04")))
    rejected = world.story("05")
    text = "\n".join(told(rejected))
    assert "rejected: already has an individual plan" in text
    assert "Complaints to: Statsforvalteren" in text
    assert rejected.closed is not None


def test_the_whole_ladder(world: World) -> None:
    """Nobody answers for a long time: reminders, then each rung of the ladder, by name."""
    notice_at = world.story("01").hospital.referral.opened
    world.two.hospital.exchange.send_notice(notice("02"))
    world.until(notice_at + timedelta(days=80))
    loop = world.loop("referral-02")
    text = "\n".join(told(loop))
    assert text.count("reminder ") == 3
    assert "tells Leader of the coordinating unit: the green form has not come" in text
    assert "tells The municipality's chief executive's office: the green form has not come" in text
    assert "tells its own people (The hospital's own management): escalated" in text
    assert loop.closed is None
    assert spans(loop)[-1].end is None


def test_a_coordinator_leaves(world: World) -> None:
    """The loop is open again and the ball with the municipality."""
    world.story("01")
    world.two.clock.forward(days=30)
    world.act(EventKind.COORDINATOR_LEFT, "referral-01", "Sluttet")
    loop = world.loop("referral-01")
    assert loop.closed is None
    assert spans(loop)[-1].holder is Role.MUNICIPALITY
    assert "the coordinator has left and nobody is appointed" in told(loop)[-1]


# --- the picture ---------------------------------------------------------------------------------


def picture(loop: Loop, language: Language = "en") -> ET.Element:
    """The parsed picture."""
    start = min(link.record.event.at for link in loop.hospital.evidence)
    svg = timeline(loop, Axis(start, start + timedelta(days=35)), "A <title> & more", language)
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - our own


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05"])
def test_the_picture(world: World, number: str, language: Language) -> None:
    """Well-formed; says in words what it shows; a numbered arrow for each message, in order, none over another."""
    loop = world.story(number)
    svg = picture(loop, language)
    assert svg.get("role") == "img"
    title, text = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert title is not None
    assert text is not None
    assert svg.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
    assert title.text == "A <title> & more"
    messages = [g for g in svg.iter(f"{SVG}g") if "message" in (g.get("class") or "")]
    assert [g.findtext(f"{SVG}text") for g in messages] == [str(n) for n in range(1, len(crossings(loop)) + 1)]
    places = [float(c.get("cx", "")) for g in messages for c in g.findall(f"{SVG}circle")]
    assert all(later - earlier >= 2 * 11 for earlier, later in pairwise(places))
    assert all(0 < x < 960 for x in places)
    assert len(re.findall(r"\d+\. ", text.text or "")) >= len(messages)
    ends = [g.get("class") for g in svg.iter(f"{SVG}g") if "end" in (g.get("class") or "").split()]
    assert ends == ["end bad" if number == "05" else "end good"]


def test_late_is_drawn(world: World) -> None:
    """What came after the deadline is marked, hatched as well as coloured; what came before is not."""
    late, early = picture(world.story("02")), picture(world.story("01"))
    classes = [[e.get("class") for e in svg.iter() if e.get("class")] for svg in (late, early)]
    assert {"late", "hatch", "due", "note", "message warn"} <= set(classes[0])
    assert not {"late", "hatch", "note", "message warn"} & set(classes[1])


def test_many_messages_at_the_edge(world: World) -> None:
    """Messages at the end of the axis are moved apart without leaving it."""
    loop = world.story("03")
    axis = Axis(crossings(loop)[0].at - timedelta(days=30), crossings(loop)[0].at)
    svg = timeline(loop, axis, "t", "en")
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)" cy="110', svg)]
    assert len(places) == 4
    assert places == sorted(places)
    assert max(places) <= 960
