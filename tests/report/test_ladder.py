"""An agreement on a calendar: the days are right, every holiday passed over is named, text and picture agree."""

import re
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import Agreement, Contact, Side
from ip_fhir.domain.loop.forecast import explain
from ip_fhir.domain.values.calendar import OSLO, is_working_day
from ip_fhir.report.ladder import heading, ladder_svg, line, numbered, passed_over, rungs
from ip_fhir.report.words.codes import LANGUAGES, Language

SENT = datetime(2026, 3, 30, 12, tzinfo=OSLO)
AGREEMENT = Agreement(
    acceptance_days=3,
    reminders=1,
    ladder=(
        Contact(name="Leder <& co>", role="enhetsleder", how="00 00 01 01"),
        Contact(name="Sjef", side=Side.HOSPITAL),
    ),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1), timezones=st.just(OSLO))  # noqa: DTZ001 - bounds
AGREEMENTS = st.builds(
    Agreement,
    acceptance_days=st.integers(1, 5),
    answer_days=st.integers(5, 40),
    reminder_every_days=st.integers(1, 20),
    reminders=st.integers(0, 5),
    escalation_every_days=st.integers(1, 20),
    ladder=st.lists(st.builds(Contact, name=st.just("contact"), side=st.sampled_from(Side)), max_size=4).map(tuple),
)


def test_by_hand() -> None:
    """A notice of Monday before Easter 2026, counted on a wall calendar."""
    assert numbered(rungs(AGREEMENT, SENT), SENT, "en") == [
        ("1", "Mon 30 Mar", "the notice is delivered", "coordinating unit", ""),
        (
            "2",
            "Tue 7 Apr",
            "the case is to be confirmed",
            "the hospital's own people",
            "30 Mar + 3 working days (3 holidays)",
        ),
        ("3", "Thu 23 Apr", "reminder 1", "coordinating unit", "30 Mar + 15 working days (3 holidays)"),
        (
            "4",
            "Thu 30 Apr",
            "escalation 1",
            "Leder <& co> (enhetsleder, the municipality)\n00 00 01 01",
            "23 Apr + 5 working days",
        ),
        ("5", "Fri 8 May", "escalation 2", "Sjef (the hospital)", "30 Apr + 5 working days (1 holiday)"),
        (
            "6",
            "Mon 18 May",
            "the ladder ends, somebody must look",
            "the hospital's own people",
            "8 May + 5 working days (1 holiday)",
        ),
    ]
    assert heading(SENT, "nb") == "Meldingen er levert ma. 30. mars 2026 kl. 12:00. Ingen svarer."


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("nb", ["Skjærtorsdag 2. april", "Langfredag 3. april", "Andre påskedag 6. april", "Arbeidernes dag 1. mai"]),
        ("en", ["Maundy Thursday 2 Apr", "Good Friday 3 Apr", "Easter Monday 6 Apr", "Labor Day 1 May"]),
    ],
)
def test_holidays_by_name(language: Language, names: list[str]) -> None:
    """Holidays on weekdays are named once, in order; Easter Sunday and 17 May 2026 (a Sunday) took no day away."""
    told = passed_over(rungs(AGREEMENT, SENT), language).split(", ")
    assert told[:4] == names
    assert len(told) == 5  # and Ascension Day


@given(AGREEMENTS, MOMENTS)
def test_the_count_is_right(agreement: Agreement, sent: datetime) -> None:
    """Days and holidays of every step add up to the weekdays between, and the steps are those that are explained."""
    found = rungs(agreement, sent)
    assert [rung.step for rung in found] == list(explain(agreement, sent))
    for rung in found:
        first, last = rung.since.astimezone(OSLO).date(), rung.due.astimezone(OSLO).date()
        between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
        weekdays = [day for day in between if day.weekday() < 5]
        assert rung.days + len(rung.holidays) == len(weekdays)
        assert [day for day in weekdays if not is_working_day(day)] == list(rung.holidays)
        agreed = (agreement.acceptance_days, agreement.answer_days)
        assert rung.days in (*agreed, agreement.reminder_every_days, agreement.escalation_every_days)


@given(AGREEMENTS, MOMENTS, st.integers(60, 140))
def test_a_line_of_text(agreement: Agreement, sent: datetime, width: int) -> None:
    """Every step is on the line, in order, and no line is wider than the terminal."""
    found = rungs(agreement, sent)
    drawn = line(found, sent, width, "nb")
    assert re.findall(r"\d+", drawn[2])[0].startswith("1")
    assert "".join(re.findall(r"\d", drawn[2])) == "".join(str(n) for n in range(1, len(found) + 2))
    assert max(map(len, drawn)) <= width + 4  # two steps on the last day stand beside each other


def test_the_marks_stand_on_their_days() -> None:
    """With one letter for a day, step, Monday and holiday stand under one another; late is drawn thick."""
    found = rungs(AGREEMENT, SENT)
    days = (found[-1].due.astimezone(OSLO).date() - date(2026, 3, 30)).days
    _, mondays, steps, free, *_ = line(found, SENT, days + 3, "en")
    places = [(date(2026, 4, d) - date(2026, 3, 30)).days for d in (2, 3, 6, 7, 13, 23)]
    assert [free[place] for place in places[:3]] == ["×"] * 3  # noqa: RUF001 - the cross that is drawn
    assert (steps[places[3]], steps[places[5]]) == ("2", "3")
    assert mondays[places[4] :].startswith("13")
    assert (steps[places[5] - 1], steps[places[5] + 1]) == ("─", "━")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture(language: Language) -> None:
    """The picture is well-formed, has every step once, with the same words as the table, and needs nothing else."""
    found = rungs(AGREEMENT, SENT)
    svg = ladder_svg(found, SENT, "A <title> & more", language)
    drawn = ET.fromstring(svg)  # noqa: S314 - made here
    texts = ["".join(node.itertext()) for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    for number, day, what, who, _ in numbered(found, SENT, language):
        assert texts.count(number) == 2  # on the line, and in the list
        assert {day, what, who.partition("\n")[0]} <= set(texts)
    assert "A <title> & more" in texts
    assert svg.count('class="message warn"') == 2  # a reminder and an escalation go to the municipality
    assert svg.count('class="note"') == 3  # our own people: not confirmed, their own management, the end
    assert "var(" not in svg
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
