"""Places as people write them, from text, and from a path in the value."""

import pytest

from ip_fhir.hl7v2.places import Place, place_of
from tests.hl7v2.messages import REST, er7

MESSAGE = er7(*REST, "OBR|1", "OBX|1", "NTE|1", "OBX|2")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("PID", Place("PID")),
        ("PRD[2]", Place("PRD", 2)),
        ("MSH-9", Place("MSH", field=9)),
        ("PRD[2]-7.1", Place("PRD", 2, 7)),
        ("PID-3[2].4.2", Place("PID", 1, 3, 2, 4, 2)),
    ],
)
def test_places_are_read(text: str, place: Place) -> None:
    """Segment, number, field, repetition, component, subcomponent; what is not told is the first."""
    assert place_of(text) == place


@pytest.mark.parametrize("text", ["", "segment 2", "pid-3", "PID-", "PID-3.", "PID.3", "PID-3.1.1.1", "sender"])
def test_others_are_no_places(text: str) -> None:
    """Words and paths of other kinds."""
    assert place_of(text) is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("PROVIDER_CONTACT", 1, "PRD", "f7", 0, "c1"), "PRD[2]-7.1"),
        (("PROVIDER_CONTACT", 0), "PRD[1]"),
        (("PROVIDER_CONTACT",), "PRD[1]"),
        (("PID", "f3", 1, "c4s2"), "PID-3[2].4.2"),
        (("PID", "f3"), "PID-3"),
        (("OBSERVATION", 0, "RESULTS_NOTES", 1, "OBX", "f5"), "OBX[2]-5"),
        (("OBSERVATION", 0, "RESULTS_NOTES", 0, "NTE", 0, "f3", 0), "NTE-3"),
        (("OBSERVATION", 0, "RESULTS_NOTES", 0, "NTE", 1, "f3"), "NTE-3"),
        (("PROVIDER_CONTACT", 7, "PRD", "f1"), "PRD-1"),
        (("PATIENT_VISIT", "PV1", "f2"), "PV1-2"),
        (("RF1", "f6", 0, "c2"), "RF1-6.2"),
        ((), "MSH"),
    ],
)
def test_paths_of_the_value_have_a_place(path: tuple[str | int, ...], place: str) -> None:
    """The mapping's errors name the place in the message; where nothing was read, the segment alone."""
    assert MESSAGE.place(path) == place


def test_a_field_is_found_by_its_place() -> None:
    """Text, or nothing; what is no place is the caller's mistake."""
    assert MESSAGE.field("PID-3.4.2") == "2.16.578.1.12.4.1.4.1"
    assert MESSAGE.field("PRD[3]-1") == MESSAGE.field("PID-3[2]") == MESSAGE.field("PID-40") == ""
    for text in ("PID", "sender"):
        with pytest.raises(ValueError, match="not a place"):
            MESSAGE.field(text)
