"""The settings of a line: what may be said, and the reason where it may not."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.line import Hl7v2Line


def test_defaults() -> None:
    """2.5.1 in UTF-8, a commit acknowledgement, nothing along."""
    line = Hl7v2Line()
    assert (line.version, line.written_charset, line.charset, line.zone) == (
        "2.5.1",
        "UNICODE UTF-8",
        None,
        "Europe/Oslo",
    )
    assert (line.ack_mode, line.receipt, line.application_error) == ("AL/NE", "ACK", "retry")
    assert line.time_zone == ZoneInfo("Europe/Oslo")
    assert {line.display_segment, line.note, line.bundle} == {False}


@pytest.mark.parametrize(("said", "kept"), [("utf8", "UNICODE UTF-8"), ("ISO-8859-15", "8859/15"), ("ascii", "ASCII")])
def test_a_character_set_by_any_of_its_names(said: str, kept: str) -> None:
    """It is kept by the name that MSH-18 gets."""
    assert Hl7v2Line(charset=said).written_charset == kept


@pytest.mark.parametrize(
    ("said", "place", "reason"),
    [
        ({"version": "2.2"}, "version", "'2.3.1', '2.4'"),
        ({"version": "3.0"}, "version", "'2.3.1', '2.4'"),
        ({"charset": "UTF-16"}, "charset", "8859/1 to 8859/15"),
        ({"charset": "8859/12"}, "charset", "8859/1 to 8859/15"),
        ({"zone": "Norway/Oslo"}, "zone", "such as Europe/Oslo"),
        ({"zone": "../etc"}, "zone", "such as Europe/Oslo"),
        ({"ack_mode": "AL/ER"}, "ack_mode", "'AL/NE', 'AL/AL'"),
        ({"receipt": "OK"}, "receipt", "'ACK' or 'RRI'"),
        ({"application_error": "perhaps"}, "application_error", "'retry' or 'reject'"),
        ({"note": "maybe"}, "note", "valid boolean"),
        ({"colour": "red"}, "", "ack_mode, application_error"),
    ],
)
def test_what_may_not_be_said(said: dict[str, Any], place: str, reason: str) -> None:
    """The error has the place, and what may stand there."""
    with pytest.raises(InvalidInput) as caught:
        Hl7v2Line.model_validate(said)
    (problem,) = caught.value.problems
    assert problem.path == place
    assert reason in problem.reason
