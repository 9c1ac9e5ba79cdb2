"""One line for each message in or out: who, kind, outcome, milliseconds, the loop's id; and never a person.

Source: users.md B, "the log has no line for a message in or out, no level or JSON setting".
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.errors import InvalidInput, IpFhirError, Unavailable
from ip_fhir.logs import MESSAGES, JsonLines, log_message
from tests.support.two_sides import Loop, form, make_loop, notice

NINA = Author(id="nina01", name="Nina Testesen")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """All that is logged by anybody, at any level, as JSON."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines())
    root, ours = logging.getLogger(), logging.getLogger("ip_fhir")
    levels = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def messages(lines: io.StringIO) -> list[tuple[str, str, str, str, str | None]]:
    """Direction, party, kind, outcome and loop of each message."""
    said = [json.loads(line) for line in lines.getvalue().splitlines()]
    found = [one for one in said if one["logger"] == MESSAGES.name]
    assert all(isinstance(one["milliseconds"], int) for one in found)
    return [(one["direction"], one["party"], one["kind"], one["outcome"], one.get("loop")) for one in found]


def test_a_line_for_each_message(loop: Loop, lines: io.StringIO) -> None:
    """What goes out at one side comes in at the other; what is told to our own people is no message."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.answer(form("03-stroke-patient-2"))
    loop.settle()
    assert messages(lines) == [
        ("in", "hospital", "notice", "ok", "referral-03"),
        ("out", "municipality", "notice", "sent", "referral-03"),
        ("in", "municipality", "green-form", "ok", "referral-03"),
        ("out", "hospital", "green-form", "sent", "referral-03"),
    ]


def test_what_is_not_taken_in(loop: Loop, lines: io.StringIO) -> None:
    """Unreadable, about a loop that is not here, repeated, or not sent: each with its outcome."""
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.receive(b"{Kari Testesen", "hospital")
    loop.hospital.wire.break_with = Unavailable("down")
    loop.hospital.exchange.send_notice(notice("03"))
    loop.hospital.exchange.run_due()
    loop.hospital.wire.break_with = None
    loop.clock.forward(minutes=30)
    loop.hospital.exchange.run_due()
    loop.municipality.exchange.receive(loop.hospital.wire.sent[-1], "hospital")
    assert messages(lines) == [
        ("in", "hospital", "unreadable", "not-taken", None),
        ("out", "municipality", "notice", "again", "referral-03"),
        ("in", "hospital", "notice", "ok", "referral-03"),
        ("out", "municipality", "notice", "sent", "referral-03"),
        ("in", "hospital", "notice", "repeated", None),
    ]


def test_no_person_is_in_any_line(loop: Loop, lines: io.StringIO) -> None:
    """Two loops with all kinds of messages, good and bad, at every level: no name, number, phone or word of anybody."""
    people: set[str] = {NINA.name, NINA.id, "Hemmelig"}
    for name, answer in (("01", "01"), ("03", "03-stroke-patient-2")):
        asked, green = notice(name), form(answer)
        people |= _names(asked.to_json()) | _names(green.to_json())
        loop.hospital.exchange.send_notice(asked, by=NINA)
        loop.settle()
        key = asked.correlation_id
        loop.municipality.exchange.act(key, EventKind.ASK_INFORMATION, "Hemmelig spørsmål", by=NINA)
        loop.settle()
        loop.hospital.exchange.act(key, EventKind.GIVE_INFORMATION, "Hemmelig svar", by=NINA)
        loop.settle()
        loop.clock.forward(days=40)
        loop.settle()
        loop.municipality.exchange.answer(green, by=NINA)
        loop.settle()
        loop.hospital.exchange.act(key, EventKind.WITHDRAW_CONSENT, "Hemmelig", by=NINA)
        loop.settle()
        for bad in (loop.hospital.wire.sent[0][:-40], loop.hospital.wire.sent[0].replace(b"fhir", b"Hemmelig")):
            with suppress(IpFhirError):
                loop.municipality.exchange.receive(bad, "hospital")
    said = lines.getvalue()
    assert len(messages(lines)) > 20
    assert len(people) > 10
    assert [one for one in people if one in said] == []


def _names(text: str) -> set[str]:
    """Every name, number of a person and way to reach somebody in a value."""

    def walk(node: object, key: str = "") -> Iterator[str]:
        if isinstance(node, dict):
            for name, inner in node.items():
                if name != "organizations":
                    yield from walk(inner, name)
        elif isinstance(node, list):
            for inner in node:
                yield from walk(inner, key)
        elif key in ("family", "given", "value", "text", "note", "lines", "hpr_number", "title") and len(str(node)) > 3:
            yield str(node)

    return set(walk(json.loads(text)))


class _Kept(logging.Handler):
    """Keeps records in a list."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self._records.append(record)


def test_the_form_of_a_line() -> None:
    """As text in one line; as JSON with the fields by name, and of an error its type only."""
    records: list[logging.LogRecord] = []
    handler = _Kept(records)
    MESSAGES.addHandler(handler)
    level = MESSAGES.level
    try:
        MESSAGES.setLevel(logging.WARNING)
        log_message("in", "hospital", "notice", "ok", 0.0, "referral-03")
        assert records == [], "costs nothing where nobody wants it"
        MESSAGES.setLevel(logging.INFO)
        log_message("out", None, "notice", "parked", 0.0, None)
    finally:
        MESSAGES.removeHandler(handler)
        MESSAGES.setLevel(level)
    (record,) = records
    assert record.getMessage().startswith("out: notice to nobody known: parked, ")
    record.exc_info = (ValueError, ValueError("Kari Testesen"), None)
    said = json.loads(JsonLines().format(record))
    assert (said["level"], said["kind"], said["error"]) == ("info", "notice", "ValueError")
    assert "loop" not in said
    assert "Testesen" not in json.dumps(said)
