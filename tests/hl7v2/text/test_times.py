"""Times: precision and offset are kept, a date is never moved, and what is no time is refused."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.times import dtm_of, iso_of, zone_of

OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize(
    ("dtm", "iso"),
    [
        ("2026", "2026"),
        ("202601", "2026-01"),
        ("20260112", "2026-01-12"),
        ("2026011210", "2026-01-12T10+01:00"),
        ("202607121005", "2026-07-12T10:05+02:00"),
        ("20260112100500", "2026-01-12T10:05:00+01:00"),
        ("20260112100500.1234", "2026-01-12T10:05:00.1234+01:00"),
        ("20260112100500-0600", "2026-01-12T10:05:00-06:00"),
        ("20260112100500+0000", "2026-01-12T10:05:00+00:00"),
        ("20260112+0100", "2026-01-12"),
    ],
)
def test_precision_and_offset_are_kept(dtm: str, iso: str) -> None:
    """Each is as precise as it was; a time without offset is in the zone, a date in none."""
    assert iso_of(dtm, OSLO) == (iso, "")


@pytest.mark.parametrize("dtm", ["20040629164600001", "2004062916460000"])
def test_fractions_without_a_point_are_read_to_the_second(dtm: str) -> None:
    """Values of 16 and 17 digits are read, with a warning."""
    text, warning = iso_of(dtm, OSLO)
    assert text == "2004-06-29T16:46:00+02:00"
    assert warning == "has fractions of a second without a point: read to the second"


def test_a_time_that_comes_twice_is_the_first_and_one_that_is_skipped_is_refused() -> None:
    """When clocks go back, a time without offset is told as uncertain; when they go forward, some are no time."""
    assert iso_of("20261025023000", OSLO) == (
        "2026-10-25T02:30:00+02:00",
        "has no offset and comes twice that night: read as the first",
    )
    with pytest.raises(InvalidInput, match=r"^OBR-7: is a time that the clock skips"):
        iso_of("20260329023000", OSLO, "OBR-7")
    assert iso_of("20260329023000", UTC).text == "2026-03-29T02:30:00+00:00"


@pytest.mark.parametrize(
    "dtm",
    [
        "",
        '""',
        "26",
        "20260",
        "20261301",
        "20260230",
        "2026011225",
        "202601121060",
        "20260112100560",
        "x",
        "20260112T10",
    ],
)
def test_what_is_no_time_is_refused(dtm: str) -> None:
    """With the place, and without the text."""
    with pytest.raises(InvalidInput, match=r"^PID-7: is no") as refused:
        iso_of(dtm, OSLO, "PID-7")
    assert refused.value.problems[0].code == "value"


@pytest.mark.parametrize("offset", ["+1401", "-2359", "+2400"])
def test_offsets_that_no_zone_has_are_refused(offset: str) -> None:
    """Of a time; a header's is passed over, and the peer's zone counts."""
    with pytest.raises(InvalidInput, match=r"^MSH-7: "):
        iso_of(f"20260112100500{offset}", OSLO, "MSH-7")
    assert zone_of(f"20260112100500{offset}", OSLO) is OSLO


def test_the_messages_offset_counts_before_the_peers_zone() -> None:
    """MSH-7's offset, where it has one."""
    assert zone_of("202601121005-0330", OSLO) == timezone(-timedelta(hours=3, minutes=30))
    assert zone_of("202601121005", OSLO) is OSLO
    assert zone_of("", OSLO) is OSLO


@pytest.mark.parametrize("iso", ["", "2026-1", "2026-02-30", "2026-01-12T10:05", "2026-01-12T25:00Z", "20260112"])
def test_only_times_are_written(iso: str) -> None:
    """What is no time, or has a clock without an offset, is refused."""
    with pytest.raises(InvalidInput, match=r"^OBR-7: "):
        dtm_of(iso, "OBR-7")


@given(st.datetimes(timezones=st.sampled_from([OSLO, timezone(-timedelta(hours=6)), UTC])))
def test_what_is_written_is_read_back(moment: datetime) -> None:
    """Any moment comes back as it was, with its offset."""
    offset = moment.utcoffset() or timedelta()
    whole = moment.astimezone(timezone(timedelta(minutes=offset // timedelta(minutes=1)))).isoformat()
    assert iso_of(dtm_of(whole), OSLO).text == whole


def test_zulu_is_written_as_an_offset() -> None:
    """HL7 v2 has no letter for UTC."""
    assert dtm_of("2026-01-12T10:05:00Z") == "20260112100500+0000"
    assert dtm_of("2026-01-12T10:05:00.25+01:00") == "20260112100500.25+0100"
