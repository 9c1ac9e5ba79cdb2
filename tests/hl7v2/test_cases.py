"""Others' bugs, restated (`wires/cases.json` in the shared data): each has its source, and does not happen here."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.hl7v2.text.times import dtm_of, iso_of, zone_of

OSLO = ZoneInfo("Europe/Oslo")
HERE = {"er7-linefeed-inside-field", "er7-null-is-not-empty", "dtm-zone", "msh18-charset"}


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, dict[str, Any]]:
    """The cases by their id."""
    listed = json.loads((shared_data / "wires/cases.json").read_text(encoding="utf-8"))
    return {case["id"]: case for case in listed}


def test_every_case_of_the_codec_is_here(cases: dict[str, dict[str, Any]]) -> None:
    """No case of the kinds er7-* is without a test."""
    assert {name for name, case in cases.items() if case["kind"].startswith("er7-")} == HERE


def test_linefeed_inside_a_field_is_text(cases: dict[str, dict[str, Any]]) -> None:
    """Segments end with CR; an LF in a field stays in it, and is written as an escape (panates/hl7v2 #27)."""
    case = cases["er7-linefeed-inside-field"]
    message = read(case["input"]["er7"].encode(), DEFAULT_LIMITS)
    assert len(message.segments) == case["expected"]["segments"]
    assert message.field("OBX-5") == case["expected"]["OBX-5"]
    value = json.loads(json.dumps(message.value))
    value["OBSERVATION"][0]["RESULTS_NOTES"][0]["OBX"]["f5"][0]["c1"] += "!"
    written = message.put(value).to_bytes()
    assert rb"|linje en\.br\OBX er ikke et segment her!|" in written
    value["PID"]["f5"][0]["c1"] = "to\nlinjer"
    assert rb"|to\X0A\linjer^" in message.put(value).to_bytes()
    assert b"\n" not in message.put(value).to_bytes()
    files = case["input"]["er7"].replace("\n", " ").replace("\r", "\n")
    assert len(read(files.encode(), DEFAULT_LIMITS).segments) == case["expected"]["segments"]


def test_null_is_not_empty(cases: dict[str, dict[str, Any]]) -> None:
    """Two quotation marks stay what they are, and an empty field is not there (panates/hl7v2 #14 and others)."""
    null, empty = (read(text.encode(), DEFAULT_LIMITS) for text in cases["er7-null-is-not-empty"]["input"]["er7"])
    assert null.value["PID"]["f7"] == [{"c1": '""'}]
    assert "f7" not in empty.value["PID"]


def test_times_keep_precision_and_offset(cases: dict[str, dict[str, Any]]) -> None:
    """With, without and with inherited offset (prime-reportstream #3243 and others)."""
    given = cases["dtm-zone"]["input"]
    seen = [iso_of(one["RF1-9"], zone_of(one["MSH-7"], OSLO)).text for one in given if "RF1-9" in one]
    assert seen == [
        "2026-01-12T09:59:59+01:00",
        "2026-07-12T09:59:59+02:00",
        "2028-08-08T09:28:05-06:00",
        "2026-01-12",
    ]
    assert dtm_of(seen[2]) == given[2]["RF1-9"]
    assert iso_of(given[3]["PID-7"], zone_of(given[3]["MSH-7"], OSLO)).text == "1961-02-14"
    minute = iso_of(given[4]["MSH-7"], OSLO).text
    assert (minute, dtm_of(minute)) == ("2026-01-12T10:05+01:00", "202601121005+0100")


@pytest.mark.parametrize("number", range(6))
def test_the_character_set_is_the_one_named(cases: dict[str, dict[str, Any]], number: int) -> None:
    """MSH-18 counts, then the peer's setting; never replacement characters (camel #10880 and others)."""
    case = cases["msh18-charset"]
    given, expected = case["input"][number], case["expected"][number]
    head = rf"MSH|^~\&|EPJ|1|KE|2|20260112||REF^I12^REF_I12|M1|P|2.5.1||||||{given['msh18']}"
    name = bytes.fromhex(given["name_bytes_hex"])
    content = head.encode() + b"\rPRD|RP\rPID|||1||" + name + b"\r"
    if not expected.startswith("refused"):
        assert read(content, DEFAULT_LIMITS, given.get("peer_setting")).field("PID-5") == expected
        return
    with pytest.raises(InvalidInput) as refused:
        read(content, DEFAULT_LIMITS, given.get("peer_setting"))
    assert expected.startswith(f"refused: {refused.value.problems[0].code}")
