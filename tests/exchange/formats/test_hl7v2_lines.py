"""HL7 v2 as each peer wants it: version, character set, acknowledgements, and what goes along."""

from base64 import b64decode, b64encode
from typing import Any, get_args

import pytest

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import Answer, Formats
from ip_fhir.exchange.formats.hl7v2 import Hl7v2
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.check import check
from ip_fhir.hl7v2.line import Hl7v2Line, Version
from ip_fhir.hl7v2.message import read
from ip_fhir.mapping import default
from ip_fhir.ports import Receipt
from ip_fhir.testing.message_samples import message, plan_message
from ip_fhir.testing.store_samples import NOON
from tests.mapping.hl7v2.samples import NOTICE, OBR, PLAIN
from tests.support.two_sides import notice

HTML = "OBX|1|ED|HTML^Display format in HTML^AUSPDI||^TEXT^HTML^Base64^PHA+SGVpPC9wPg==||||||F"
"""A display segment as Australian systems write it."""


def wire(**settings: Any) -> Hl7v2:
    """The format as a peer with these settings speaks it."""
    found = Formats().spoken("hl7v2", {"hl7v2": Hl7v2Line(**settings)})
    assert isinstance(found, Hl7v2)
    return found


def read_back(spoken: Hl7v2, content: bytes) -> Any:
    """The message in the bytes, as that peer's."""
    return spoken.open(content, DEFAULT_LIMITS).message(default())


def about_notice(**fields: Any) -> Message:
    """A message with a notice that has a bit of everything."""
    said = notice("03").evolve(**fields)
    parties = {"sender": said.organization(said.sender), "recipient": said.organization(said.recipient)}
    return message(MessageKind.NOTICE).evolve(correlation_id=said.correlation_id, notice=said, **parties)


@pytest.mark.parametrize("version", get_args(Version))
@pytest.mark.parametrize("kind", MessageKind)
def test_each_version_is_written_as_its_grammar_has_it(version: str, kind: MessageKind) -> None:
    """hl7apy, with the grammar of that version, finds nothing; the same message is read back."""
    spoken = wire(version=version)
    written = spoken.write(message(kind), default())
    assert read(written, DEFAULT_LIMITS).version == version
    assert check(read(written, DEFAULT_LIMITS), strict=True) == ()
    assert read_back(spoken, written) == message(kind)


@pytest.mark.parametrize("version", get_args(Version))
def test_a_notice_with_everything_in_each_version(version: str) -> None:
    """Persons, contacts, groups of rows and documents, with all that may go along."""
    spoken = wire(version=version, note=True, display_segment=True, bundle=True)
    written = spoken.write(about_notice(), default())
    assert check(read(written, DEFAULT_LIMITS), strict=True) == ()
    assert read_back(spoken, written) == about_notice()
    assert read_back(wire(), written) == about_notice(), "whoever does not want it leaves it"


def test_telephone_numbers_before_2_5_stand_in_xtn_1() -> None:
    """There is no XTN-12 before 2.5, and CWE is written as CE."""
    old, new = (wire(version=version).write(about_notice(), default()) for version in ("2.4", "2.5"))
    assert (b"^PRN^PH^^^^^^^^^" in old, b"^PRN^PH^^^^^^^^^" in new) == (False, True)
    assert (b"|CWE|" in old, b"|CE|" in old, b"|CE|" in new) == (False, True, False)


def test_the_peers_character_set() -> None:
    """It is written, named in MSH-18, and read where MSH-18 is empty; what it cannot hold is refused at its place."""
    spoken = wire(charset="iso-8859-1")
    written = spoken.write(about_notice(reason="Økt behov på Åsen"), default())
    assert "Økt behov på Åsen".encode("latin-1") in written
    assert read(written, DEFAULT_LIMITS).field("MSH-18") == "8859/1"
    unnamed = written.replace(b"|8859/1|", b"||", 1)
    assert read_back(spoken, unnamed).notice.reason == "Økt behov på Åsen"
    with pytest.raises(InvalidInput):
        read_back(wire(), unnamed)
    with pytest.raises(InvalidInput) as caught:
        spoken.write(about_notice(reason="20 € i egenandel"), default())
    (problem,) = caught.value.problems
    assert (problem.path[:3], problem.path[-2:], problem.code) == ("OBX", "-5", "value")
    assert "8859/1 cannot hold" in problem.reason


@pytest.mark.parametrize(
    ("mode", "accept", "application"), [("AL/NE", "AL", "NE"), ("AL/AL", "AL", "AL"), ("original", "", "")]
)
def test_the_acknowledgements_that_are_asked_for(mode: str, accept: str, application: str) -> None:
    """MSH-15 and MSH-16."""
    written = read(wire(ack_mode=mode).write(about_notice(), default()), DEFAULT_LIMITS)
    assert (written.field("MSH-15"), written.field("MSH-16")) == (accept, application)


def test_times_without_an_offset_are_in_the_peers_zone() -> None:
    """Also without an offset in MSH-7: never in ours."""
    written = wire().write(about_notice(), default())
    at = read(written, DEFAULT_LIMITS).field("MSH-7")
    bare = written.replace(at.encode(), b"20260112100500", 1)
    assert read_back(wire(zone="Australia/Sydney"), bare).sent.isoformat() == "2026-01-12T10:05:00+11:00"
    assert read_back(wire(), bare).sent.isoformat() == "2026-01-12T10:05:00+01:00"


def test_a_note_and_a_display_segment() -> None:
    """The reason as NTE; the questionnaire's answers as HTML, in which nothing of a person acts."""
    said = about_notice(reason="Slag <b>i desember</b>\nTrenger & plan")
    written = wire(note=True, display_segment=True).write(said, default())
    er7 = read(written, DEFAULT_LIMITS)
    assert er7.field("NTE-3") == said.notice.reason  # type: ignore[union-attr]  # it has one
    display = next(s for s in er7.segments if s.contents.get("f3", [{}])[0].get("c3") == "AUSPDI").contents["f5"][0]
    assert (display["c2"], display["c3"]) == ("TEXT", "HTML")
    html = b64decode(display["c5"]).decode()
    assert "Slag &lt;b&gt;i desember&lt;/b&gt;<br>Trenger &amp; plan" in html
    assert "Melding om behov" in html
    information = message(MessageKind.INFORMATION)
    er7 = read(wire(note=True, display_segment=True).write(information, default()), DEFAULT_LIMITS)
    assert er7.field("NTE-3") == (information.text or "")


def _with_other_bundle(written: bytes, old: str, new: str) -> bytes:
    """The message with another text in its Bundle."""
    row = next(s for s in read(written, DEFAULT_LIMITS).segments if b"fhir-message" in s.text.encode())
    base64 = row.contents["f5"][0]["c5"]
    changed = b64decode(base64).replace(old.encode(), new.encode())
    assert changed != b64decode(base64)
    return written.replace(base64.encode(), b64encode(changed))


def test_the_bundle_is_what_is_read() -> None:
    """Where the peer runs this library; from any other peer it is a document of nobody's."""
    spoken = wire(bundle=True)
    written = spoken.write(about_notice(reason="Bare her"), default())
    changed = _with_other_bundle(written, "Bare her", "Sa Bundle")
    assert read_back(spoken, changed).notice.reason == "Sa Bundle"
    assert read_back(wire(), changed).notice.reason == "Bare her"
    assert read_back(spoken, wire().write(about_notice(), default())) == about_notice(), "it may be missing"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("referral-03", "referral-04", "RF1-6"),
        ("14826121549", "05827500285", "PID-3"),
    ],
)
def test_a_bundle_about_something_else_is_refused(old: str, new: str, place: str) -> None:
    """Correlation and person must be the same in both."""
    spoken = wire(bundle=True)
    changed = _with_other_bundle(spoken.write(about_notice(), default()), old, new)
    with pytest.raises(InvalidInput) as caught:
        read_back(spoken, changed)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(place, "invariant")]


def _base64_in(written: bytes) -> bytes:
    """The Bundle in a message, as it stands there."""
    row = next(s for s in read(written, DEFAULT_LIMITS).segments if "fhir-message" in s.text)
    return row.contents["f5"][0]["c5"].encode()


def test_the_kind_must_be_the_same_in_both() -> None:
    """The rows of an acceptance, and the Bundle of a withdrawal."""
    spoken = wire(bundle=True)
    accepted, assessing = (message(kind) for kind in (MessageKind.ACCEPTED, MessageKind.ASSESSING))
    other = spoken.write(assessing.evolve(id=accepted.id), default())
    written = spoken.write(accepted, default())
    mixed = written.replace(_base64_in(written), _base64_in(other))
    with pytest.raises(InvalidInput) as caught:
        read_back(spoken, mixed)
    assert [problem.path for problem in caught.value.problems] == ["MSH-9"]


@pytest.mark.parametrize("broken", ["@", b64encode(b"{").decode(), ""])
def test_a_bundle_that_cannot_be_read(broken: str) -> None:
    """The message is refused: the rows are not taken instead."""
    spoken = wire(bundle=True)
    written = spoken.write(about_notice(), default())
    row = next(s for s in read(written, DEFAULT_LIMITS).segments if "fhir-message" in s.text)
    with pytest.raises(InvalidInput):
        read_back(spoken, written.replace(row.contents["f5"][0]["c5"].encode(), broken.encode()))
    twice = written + row.text.encode() + b"\r"
    with pytest.raises(InvalidInput, match="not there exactly once"):
        read_back(spoken, twice)


def test_a_referral_that_does_not_say_what_it_is_about() -> None:
    """Refused, unless the peer's setting says the need; one that says it is not changed. HTML is an attachment."""
    segments = (*PLAIN[:1], PLAIN[1].replace("|coordinator^Koordinator^99IP", ""), *PLAIN[2:], OBR, HTML)
    content = ("\r".join(segments) + "\r").encode()
    with pytest.raises(InvalidInput, match="notice-kind"):
        read_back(wire(), content)
    spoken = wire(notice_kind="coordinator")
    found = read_back(spoken, content).notice
    assert found.kind == "coordinator"
    assert [(a.content_type, a.data) for a in found.attachments] == [("text/html", "PHA+SGVpPC9wPg==")]
    assert read_back(wire(notice_kind="child-coordinator"), wire().write(about_notice(), default())) == about_notice()


def test_a_code_that_was_taken_for_another_is_told() -> None:
    """A relationship that has no counterpart is read as other, and the yes says so."""
    content = ("\r".join((*NOTICE[:5], "NK1|1|Vik^Ola^^^^^L|XYZ^Foreign^L", *NOTICE[5:])) + "\r").encode()
    incoming = wire().open(content, DEFAULT_LIMITS)
    found = incoming.message(default())
    assert found.notice.related_persons[0].relationship == "other"  # type: ignore[union-attr]
    answer = Answer(Receipt("m-1", "ok"), (), NOON, "", incoming.warnings(found, default()))
    told = read(incoming.reply(answer), DEFAULT_LIMITS)
    assert (told.field("MSA-1"), told.field("ERR-2"), told.field("ERR-2.3")) == ("AA", "NK1", "3")
    assert (told.field("ERR-3"), told.field("ERR-4")) == ("103", "W")
    assert "Ola" not in told.to_bytes().decode()


def test_a_peer_whose_changes_always_have_all_that_is_left() -> None:
    """What it empties was taken out; another's change that empties, and does not say that it is whole, is refused."""
    written = wire().write(plan_message(PlanMessageKind.PLAN_CHANGE), default()).decode()
    changes = {"|Y|change-whole": "|N|change-whole", "|measure-1||^Skøyter": '|measure-1|""|^Skøyter'}
    for was, made in changes.items():
        assert was in written
        written = written.replace(was, made)
    emptied = written.encode()
    with pytest.raises(InvalidInput) as caught:
        read_back(wire(), emptied)
    assert [problem.path for problem in caught.value.problems] == ["OBR-3.1"]
    assert read_back(wire(absent="removed"), emptied).change.whole
