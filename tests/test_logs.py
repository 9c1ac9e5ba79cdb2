"""Log lines that count instead of repeating."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ip_fhir.logs import CountedLog, CountedRepeats

_LOG = logging.getLogger("tests.logs")


class Time:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """As set."""
        return self.at


@pytest.fixture
def time() -> Time:
    """A clock that a test sets."""
    return Time()


@pytest.fixture
def counted(time: Time) -> CountedLog:
    """A log that writes a line a minute."""
    return CountedLog(_LOG, 60.0, time)


def test_one_line_a_minute_for_each_reason(counted: CountedLog, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """The first at once, the rest as a number; another reason has lines of its own."""
    for _ in range(1000):
        counted.note("a", "it is so")
    counted.note("b", "it is otherwise", logging.ERROR)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("WARNING", "it is so"),
        ("ERROR", "it is otherwise"),
    ]
    time.at = 60.0
    counted.note("a", "it is so")
    assert caplog.messages[2:] == ["it is so (1000 times in the last 60 seconds)"]
    assert counted.counts() == {"a": 1001, "b": 1}


def test_what_was_counted_is_told_in_the_end(counted: CountedLog, time: Time, caplog: pytest.LogCaptureFixture) -> None:
    """Also when nothing follows: by `flush` after a minute, or at once when the process ends; and once."""
    for _ in range(3):
        counted.note("a", "it is so")
    counted.flush()
    assert caplog.messages == ["it is so"]
    time.at = 61.0
    counted.flush()
    counted.flush()
    assert caplog.messages[1:] == ["it is so (2 times in the last 61 seconds)"]
    counted.note("a", "it is so")
    counted.flush(at_once=True)
    assert caplog.messages[2:] == ["it is so"]


def test_reasons_have_an_end(counted: CountedLog, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever makes up reasons fills neither memory nor log."""
    for number in range(10_000):
        counted.note(f"reason {number}", "it is so")
    assert len(counted.counts()) == 201
    assert counted.counts()["others"] == 9_800
    assert len(caplog.records) == 201


def test_another_librarys_flood_is_counted(counted: CountedLog, caplog: pytest.LogCaptureFixture) -> None:
    """A warning that differs in numbers only is one line; a trace, which may quote a person's data, is left out."""
    flood = logging.getLogger("tests.flood")
    repeats = CountedRepeats(counted)
    flood.addFilter(repeats)
    try:
        for number in range(1000):
            flood.error("out of system resource\nsocket: <fd=%d>", number)
        try:
            int("Kari 13116900135")
        except ValueError:
            flood.exception("request %d failed", 7)
        with caplog.at_level(logging.INFO, "tests.flood"):
            flood.info("started")
    finally:
        flood.removeFilter(repeats)
    assert caplog.messages == ["out of system resource", "request 7 failed: ValueError", "started"]
    assert "Kari" not in caplog.text
    assert sorted(counted.counts().values()) == [1, 1000]


def test_asyncios_own_words_for_too_few_files_are_counted(
    counted: CountedLog, caplog: pytest.LogCaptureFixture
) -> None:
    """As its loop logs them when a connection cannot be accepted: one line, of any number."""
    logger = logging.getLogger("asyncio")
    repeats = CountedRepeats(counted)
    logger.addFilter(repeats)
    loop = asyncio.new_event_loop()
    try:
        for _ in range(500):
            context = {"message": "socket.accept() out of system resource", "exception": OSError(24, "files")}
            loop.call_exception_handler(context)
    finally:
        loop.close()
        logger.removeFilter(repeats)
    assert caplog.messages == ["socket.accept() out of system resource: OSError"]
