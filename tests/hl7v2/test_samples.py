"""Others' messages, as they are: each is read, or refused with the place, as its source says (SOURCES.md there)."""

from pathlib import Path

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.batch import split
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.message import Er7, new, read

READ = {
    "handmade/01-ref-i12-notice": ("REF^I12", 12, ()),
    "handmade/02-ref-i12-latin1": ("REF^I12", 10, ()),
    "handmade/04-ref-i13-information": ("REF^I13", 7, ()),
    "handmade/05-ref-i14-cancellation": ("REF^I14", 7, ()),
    "handmade/06-ref-i15-reminder": ("REF^I15", 8, ()),
    "handmade/07-ack-commit-accept": ("ACK^I12", 2, ()),
    "handmade/08-ack-commit-error": ("ACK^I12", 3, ()),
    "handmade/09-ack-application-accept-original-mode": ("ACK^I12", 2, ()),
    "handmade/10-ack-application-reject": ("ACK^I12", 3, ()),
    "handmade/11-rri-i12-accepted-nobody-named": ("RRI^I12", 6, ()),
    "handmade/12-rri-i12-green-form": ("RRI^I12", 12, ()),
    "handmade/13-rri-i12-rejected": ("RRI^I12", 9, ()),
    "handmade/14-rri-rf1-after-pid": ("RRI^I12", 6, ("RF1",)),
    "handmade/15-ppg-pcg-plan": ("PPG^PCG", 12, ()),
    "handmade/16-pgl-pc7-goal-update": ("PGL^PC7", 4, ()),
    "handmade/17-ppr-pc1-need": ("PPR^PC1", 4, ()),
    "handmade/18-ptr-pcf-answer": ("PTR^PCF", 8, ()),
    "handmade/19-ccm-i21-plan": ("CCM^I21", 7, ()),
    "handmade/20-ccr-i16-referral": ("CCR^I16", 6, ()),
    "handmade/21-ref-i12-lf-line-ends": ("REF^I12", 5, ()),
    "handmade/22-ref-i12-no-last-cr": ("REF^I12", 5, ()),
    "handmade/23-ref-i12-z-segment": ("REF^I12", 7, ()),
    "handmade/24-ref-i12-null-and-empty": ("REF^I12", 5, ()),
    "hl7v2kit/ack_application_error": ("ACK^", 3, ()),
    "hl7v2kit/au_ref_i12_simplified": ("REF^I12", 8, ()),
    "hl7v2kit/au_rri_i12": ("RRI^I12", 6, ()),
    "linuxforhealth/ppr-pc1-1": ("PPR^PC1", 3, ()),
    "linuxforhealth/ppr-pc1-2": ("PPR^PC1", 7, ()),
    "linuxforhealth/ppr-pc1-5": ("PPR^PC1", 8, ()),
    "microsoft/PC1-Problem-Add-v2.3.1": ("PPR^PC1", 3, ()),
    "microsoft/PC1-Problem-Update-v2.3.1": ("PPR^PC2", 3, ()),
    "microsoft/REF-I12-01": ("REF^I12", 24, ()),
    "microsoft/REF-I14-01": ("REF^I14", 23, ("MSH-9.3",)),
}
"""Messages with a value: type and event, the number of segments, and the places of the warnings."""

OTHERS = {
    "linuxforhealth/ORU-multiline-short-mixed": ("ORU^R01", 9),
    "mirth/batch02": ("ADT^A01", 4),
    "reportstream/single_message": ("ORU^R01", 13),
    "rethinkhealth/edge-crlf-line-endings": ("ADT^A01", 3),
    "rethinkhealth/edge-custom-delimiters": ("ADT^A01", 2),
    "rethinkhealth/edge-escaped-delimiters": ("ADT^A01", 3),
    "rethinkhealth/edge-non-ascii": ("ADT^A01", 3),
    "rethinkhealth/edge-z-segments": ("ADT^A01", 4),
    "ruby-hl7/realm-err": ("ORU^R01", 7),
}
"""Messages of other types: they are read, and have no value."""

BATCHES = {
    "handmade/25-batch-of-two": 2,
    "hl7v2kit/batch_multi_groups": 2,
    "mirth/batch03": 2,
    "python-hl7/sample_batch2": 2,
    "python-hl7/sample_batch4": 1,
    "python-hl7/sample_file1": 3,
    "python-hl7/sample_file2": 2,
    "ruby-hl7/realm-batch": 2,
}
"""Batches and files, and the number of their messages."""

REFUSED = {
    "handmade/03-ref-i12-latin1-but-msh18-empty": ("MSH-18", "structure"),
    "handmade/26-batch-count-wrong": ("BTS-1", "invariant"),
    "linuxforhealth/sample_unix": ("MSH-2", "structure"),
    "python-hl7/sample_bad_batch": ("BHS", "structure"),
    "python-hl7/sample_bad_file1": ("BHS", "structure"),
    "rethinkhealth/invalid-missing-msh": ("MSH", "structure"),
    "rethinkhealth/invalid-segment-header-length": ("segment 2", "structure"),
    "ruby-hl7/empty-batch": ("BTS-1", "invariant"),
    "ruby-hl7/empty_segments": ("segment 8", "structure"),
}
"""What is refused: the place and the code of the problem."""

OF_OTHER_SYSTEMS = ("hl7v2kit", "linuxforhealth", "microsoft")


def message(shared_data: Path, name: str) -> Er7:
    """The sample of that name, read."""
    return read((shared_data / "wires" / f"{name}.hl7").read_bytes(), DEFAULT_LIMITS)


def _all_read(content: bytes) -> list[Er7]:
    return [read(one, DEFAULT_LIMITS) for one in split(content, DEFAULT_LIMITS).messages]


def test_every_sample_is_in_one_table(shared_data: Path) -> None:
    """No sample is forgotten, and none is listed that is not there."""
    there = {path.relative_to(shared_data / "wires").with_suffix("").as_posix() for path in shared_data.rglob("*.hl7")}
    listed = [*READ, *OTHERS, *BATCHES, *REFUSED]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("name", READ)
def test_messages_are_read(shared_data: Path, name: str) -> None:
    """Type, event and segments are those of the sample, and warnings name their places."""
    found = message(shared_data, name)
    event, segments, warnings = READ[name]
    assert "^".join(found.event[:2]) == event
    assert len(found.segments) == segments
    assert tuple(problem.path for problem in found.warnings) == warnings
    assert found.value["MSH"]["f10"]


@pytest.mark.parametrize("name", READ)
def test_what_was_read_is_written_back_to_the_byte(shared_data: Path, name: str) -> None:
    """The bytes come back as they were; a message made of the same value says the same."""
    content = (shared_data / "wires" / f"{name}.hl7").read_bytes()
    found = read(content, DEFAULT_LIMITS)
    assert found.to_bytes() == content
    assert found.put(found.value).to_bytes() == content
    made = new(found.value).value
    assert {**made, "MSH": None} == {**found.value, "MSH": None}


@pytest.mark.parametrize("name", OTHERS)
def test_other_types_are_read_and_have_no_value(shared_data: Path, name: str) -> None:
    """A message of a type that is not mapped can be looked at; its value is refused at MSH-9."""
    found = message(shared_data, name)
    event, segments = OTHERS[name]
    assert ("^".join(found.event[:2]), len(found.segments)) == (event, segments)
    with pytest.raises(InvalidInput) as refused:
        _ = found.value
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [("MSH-9.1", "not-supported")]


@pytest.mark.parametrize("name", BATCHES)
def test_batches_are_split(shared_data: Path, name: str) -> None:
    """Each message of a batch is cut out, and begins with MSH."""
    content = (shared_data / "wires" / f"{name}.hl7").read_bytes()
    found = split(content, DEFAULT_LIMITS)
    assert found.is_batch
    assert len(found.messages) == BATCHES[name]
    assert all(one.startswith(b"MSH") and one in content for one in found.messages)


@pytest.mark.parametrize("name", REFUSED)
def test_damaged_ones_are_refused_with_their_place(shared_data: Path, name: str) -> None:
    """What is no message, or says that it is another, is refused; nothing is guessed."""
    content = (shared_data / "wires" / f"{name}.hl7").read_bytes()
    with pytest.raises(InvalidInput) as refused:
        _all_read(content)
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [REFUSED[name]]


def test_a_peers_setting_names_the_character_set(shared_data: Path) -> None:
    """Where MSH-18 is empty, the peer's setting counts."""
    content = (shared_data / "wires/handmade/03-ref-i12-latin1-but-msh18-empty.hl7").read_bytes()
    assert read(content, DEFAULT_LIMITS, "8859/1").field("PRD[1]-2") == "Fjørtoft"


@pytest.mark.parametrize("name", [name for name in READ if not name.startswith(OF_OTHER_SYSTEMS)])
def test_our_own_samples_pass_the_strict_check(shared_data: Path, name: str) -> None:
    """Neither our matcher nor hl7apy finds anything in them, but for the one that is out of order on purpose."""
    found = check(message(shared_data, name), strict=True)
    assert [problem.path for problem in found] == list(READ[name][2])


def test_custom_delimiters_and_escapes_give_the_same_text(shared_data: Path) -> None:
    """Delimiters are those of MSH, and each escape is undone once."""
    assert message(shared_data, "rethinkhealth/edge-custom-delimiters").field("PID-5.2") == "JOHN"
    text = message(shared_data, "rethinkhealth/edge-escaped-delimiters").field("OBX-5")
    assert text == "Result contains pipe | and ampersand & and caret ^ and tilde ~ and backslash \\ chars"
    assert message(shared_data, "handmade/01-ref-i12-notice").field("OBX[2]-5") == (
        "Slag i desember\nTrenger koordinator & plan: mål | tiltak (50 %)"
    )
