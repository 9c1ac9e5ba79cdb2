"""The interface specification for one peer: what an integration team needs to connect a system that speaks HL7 v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import OrganizationKind
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput, IssueCode, Problem
from ip_fhir.hl7v2.acknowledgement import ERRORS, error_number, verdict
from ip_fhir.hl7v2.message import new
from ip_fhir.hl7v2.structure.events import is_before
from ip_fhir.mapping.hl7v2.along import with_words
from ip_fhir.mapping.hl7v2.events import DECIDED, SENT, sent_as
from ip_fhir.mapping.hl7v2.line import spoken
from ip_fhir.mapping.hl7v2.sharing import CARRIED
from ip_fhir.report.specification.blocks import Heading, Listing, Paragraph, Table
from ip_fhir.report.specification.examples import example_messages, example_owner, example_view
from ip_fhir.report.table_review import code_lines, in_words, sheets
from ip_fhir.report.words.codes import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.specification.blocks import Block
    from ip_fhir.report.table_review import ReviewedRow, Sheet
    from ip_fhir.settings import PeerSettings, Settings

_STATUS: Final = {"accepted": "A", "pending": "P", "rejected": "R", "expired": "E"}
_ALONG: Final = (
    ("note", "the reason again as NTE at the end (of the last row of OBX)"),
    ("display_segment", "an OBX|ED `HTML^^AUSPDI` with the message as HTML"),
    ("bundle", "an OBX|ED `fhir-message^^99IP` with the FHIR message Bundle, which is what is read"),
)
_SUBJECTS: Final = {
    "V2Referral": "every message of the hospital",
    "V2Response": "every message of the municipality",
    "V2Standard": "a sender that knows no rows of ours",
    "V2Protection": "the grading of somebody's address",
}
_REFUSALS: Final[dict[IssueCode, str]] = {
    "structure": "cannot be read: order of segments, character set, control characters",
    "required": "something required is missing",
    "value": "a value of the wrong type or form",
    "code-invalid": "a code that the table does not have",
    "invariant": "each part is right, together they are not",
    "not-found": "an unknown referral or person",
    "not-supported": "a type, event, processing id or version that is not taken (MSH-9, -11, -12: 200 to 203)",
    "business-rule": "the agreement or the state of the referral forbids it; addressed to somebody else",
    "conflict": "changed by somebody else at the same time",
    "duplicate": "the same MSH-10 with other content",
    "too-long": "longer than the limit",
    "too-costly": "with more parts than the limit",
    "security": "no or wrong credentials (without detail)",
    "forbidden": "not a referral of this party's (without detail)",
    "multiple-matches": "two things where one is meant",
    "informational": "read all the same: told beside a yes",
}


def specification(settings: Settings, peer: PeerSettings, mapper: Mapper) -> list[Block]:
    """Returns the specification of the line with one peer.

    Raises `InvalidInput` (not-supported) for a side without a role in the loop.
    """
    if settings.role is None:
        raise InvalidInput.at("role", "is needed: without it no referral is sent or taken in", "not-supported")
    title = f"HL7 v2 between {settings.organization.name} and {peer.organization.name}"
    return [
        Heading(title, 1),
        Paragraph(
            "Notices of a need for an individual plan or a coordinator, the green form that answers them, and what is "
            "said between. Made from the settings and the mapping tables of the software: what stands here is what it "
            "does. Section numbers are those of HL7 v2.9."
        ),
        *_parties(settings, peer),
        *_line(settings, peer),
        *_events(settings.role),
        *_plan_events(),
        *_acknowledgements(peer.hl7v2),
        *_tables(mapper, peer.hl7v2),
        *_codes(mapper),
        *_examples(settings, peer, mapper),
    ]


def _parties(settings: Settings, peer: PeerSettings) -> Iterator[Block]:
    yield Heading("Parties")
    yield Paragraph("MSH-4 and MSH-6 name the facility by HER-id, else by organisation number: <id>^<OID>.<id>^ISO.")
    named = [("we", settings.organization), *(("we", unit) for unit in settings.units)]
    named += [("the peer", peer.organization), *(("the peer", unit) for unit in peer.units)]
    rows = tuple(
        (side, one.name, one.her_id or "", one.organization_number or "", one.resh_id or "", _reached(one))
        for side, one in named
    )
    yield Table(("Side", "Organisation", "HER-id", "Organisation number", "RESH-id", "Contact"), rows)


def _reached(organization: Organization) -> str:
    return ", ".join(f"{contact.system}: {contact.value}" for contact in organization.contacts)


def _line(settings: Settings, peer: PeerSettings) -> Iterator[Block]:
    line = peer.hl7v2
    along = [f"{name}: {words}" for name, words in _ALONG if getattr(line, name)]
    asked = "nothing (original mode)" if line.ack_mode == "original" else line.ack_mode
    rows = [
        ("Transport", "MLLP: 0B, the message, 1C 0D; over TLS with certificates on both sides"),
        ("We send to", peer.url),
        ("We listen on", _listeners(settings, peer) or "not set up"),
        ("Version that we write (MSH-12)", line.version),
        ("Versions that we read", "2.1 to 2.9"),
        ("Character set that we write (MSH-18)", line.written_charset),
        ("A message without MSH-18", f"is read as {line.charset}" if line.charset else "is read if ASCII or UTF-8"),
        ("Times without an offset", f"that of MSH-7; else {line.zone}"),
        ("Acknowledgements that we ask for (MSH-15/MSH-16)", asked),
        ("Your AE or CE without a code of ERR-3", f"{line.application_error}: 206, 207 and none"),
        (
            "A referral that does not say its need",
            f"is about: {line.notice_kind}" if line.notice_kind else "is refused",
        ),
        (
            "What a change of yours to a plan lacks",
            "was taken out" if _all_sent(peer) else "is as it was, unless it says change-whole Y",
        ),
        ("Goes along", "; ".join(along) or "nothing"),
        ("Time for the answer", f"{peer.timeout:g} seconds, then the connection is closed and the message comes again"),
        ("Time for a frame, and between two", "30 seconds and 10 minutes, if the listener's options say nothing else"),
    ]
    yield Heading("The line")
    yield Table(("Setting", "Value"), tuple(rows))


def _all_sent(peer: PeerSettings) -> bool:
    return "removed" in (peer.absent, peer.hl7v2.absent)


def _listeners(settings: Settings, peer: PeerSettings) -> str:
    found = [one for one in settings.listeners if one.use == "mllp" and peer.name in settings.brought_by(one)]
    return ", ".join(f"{one.options.get('host', '127.0.0.1')} port {one.options.get('port', 2575)}" for one in found)


def _events(role: Role) -> Iterator[Block]:
    yield Heading("Messages and events")
    yield Paragraph(
        "RF1-6 is the same from the notice to the last message; RF1-11 may have your own id of the referral. The kind "
        "of a message stands in OBX message-kind and decides; without it the event says it, and in an RRI RF1-1: A is "
        "an acceptance, or with a PRD RT of a person and a way to reach them a green form; R a refusal; P says only "
        "that the referral came in, and any other code is for a person. MSH-9.3 is written and never relied on."
    )
    rows = [_event_row(role, kind) for kind in MessageKind]
    rows.append((*_event_row(role, MessageKind.CLOSURE)[:1], "RRI^I12", "P", _sends(role, "RRI"), "closure"))
    yield Table(("Message", "Event", "RF1-1", "Direction", "message-kind"), tuple(rows), ("Event", "message-kind"))


def _plan_events() -> Iterator[Block]:
    yield Heading("Shared plans", 3)
    yield Paragraph(
        "A plan that both sides work on. PTH-3 is the id of the share (the plan and one participant), or of what is "
        "answered; the row NTE message-kind decides, and the event says it again. What is not listed people say in "
        "words. A view is whole; what left it since the last one that was acknowledged has the action code DE (an "
        "order CA), or is named in a row left. In a change that is not whole (change-whole N) absence says nothing, "
        "and what takes away is refused; UC leaves an item as it is."
    )
    rows = tuple(
        (
            word(kind, "en"),
            " or ".join(f"PPG^{one}" for one in carried.triggers),
            f"the {carried.side} sends",
            str(kind),
        )
        for kind, carried in CARRIED.items()
    )
    yield Table(("Message", "Event", "Direction", "message-kind"), rows, ("Event", "message-kind"))


def _event_row(role: Role, kind: MessageKind) -> tuple[str, ...]:
    sent = SENT[kind]
    statuses = set(DECIDED.values()) if kind is MessageKind.GREEN_FORM else {sent.status}
    codes = "/".join(sorted(_STATUS[status] for status in statuses))
    return word(kind, "en"), f"{sent.code}^{sent.trigger}", codes, _sends(role, sent.code), str(kind)


def _sends(role: Role, code: str) -> str:
    ours = (code == "REF") == (role is Role.HOSPITAL)
    return "we send" if ours else "the peer sends"


def _acknowledgements(line: Hl7v2Line) -> Iterator[Block]:
    original = "RRI with the business answer where there is one, else ACK" if line.receipt == "RRI" else "ACK"
    yield Heading("Acknowledgements")
    yield Paragraph(
        "An answer leaves after the message is stored, never before. No answer means: not stored, send the same bytes "
        "again. The same MSH-10 with the same content (but for MSH-7, -8 and -13) gets the same answer. MSA-2 is your "
        "MSH-10. An acknowledgement is never answered. A batch is answered by a batch; one with a wrong count by a no "
        "to each message."
    )
    modes = (
        ("empty / empty (original mode)", f"{original}: AA, AE or AR", "nothing"),
        ("AL / any", "ACK: CA, CE or CR", "nothing"),
        ("NE / AL", "nothing", "ACK: AA, AE or AR"),
        ("ER or SU", "only an error, or only a success", "as MSH-16 says"),
    )
    yield Table(("You ask (MSH-15 / MSH-16)", "On the connection", "Later, on one of ours"), modes)
    yield Heading("Refusals", 3)
    rows = tuple(_refusal(code) for code in get_args(IssueCode))
    yield Table(("MSA-1", "ERR-3", "Words of table 0357", "When", "Our code"), rows, ("Our code",))
    yield Paragraph(
        "In the enhanced mode the codes are CA, CE and CR. Deviations that were read are ERR-4 W beside AA."
    )


def _refusal(code: IssueCode) -> tuple[str, ...]:
    problem = Problem("", "", code)
    number = error_number(problem)
    return verdict([problem]), str(number), ERRORS[number], _REFUSALS[code], code


def _tables(mapper: Mapper, line: Hl7v2Line) -> Iterator[Block]:
    yield Heading("Segments and fields")
    yield Paragraph(
        "What has no field of its own is a row of OBX: OBX-3 is the code in brackets, of the coding system 99IP, OBX-4 "
        "the group (need.1), OBX-2 the type. Fields and segments that are not named here are kept and not read."
    )
    if is_before(line.version, "2.5"):
        yield Paragraph(
            f"To you, in version {line.version}, we write what came with 2.5 elsewhere: a number of XTN-12 in XTN-1, "
            "CWE of OBX-2 as CE, a title (PRD-2.14) in PRD-7 with the type 99IPTITLE. We read both."
        )
    for sheet in sheets(mapper):
        if sheet.standard == "HL7 v2":
            yield from _sheet(sheet)


def _sheet(sheet: Sheet) -> Iterator[Block]:
    yield Heading(f"{sheet.resource or 'Parts'}: {_subject(sheet)}", 3)
    yield Paragraph(f"{sheet.about} Table {sheet.name}.")
    rows = tuple(_row(line) for line in sheet.lines)
    yield Table(("Place", "Which", "Meaning", "Type", "Card.", "Codes", "Section and reason"), rows, ("Place", "Codes"))
    if sheet.fixed:
        yield Table(("Always written", "Value"), sheet.fixed, ("Always written", "Value"))


def _subject(sheet: Sheet) -> str:
    """The subject in words: of the three tables of messages, which message or sender."""
    return _SUBJECTS.get(sheet.name) or in_words(sheet.domain)


def _row(line: ReviewedRow) -> tuple[str, ...]:
    cardinality = f"{int(line.required)}..{'*' if line.many else '1'}"
    note = f" ({line.note})" if line.note else ""
    return line.element, line.where, line.words, line.type, cardinality, line.of, f"{line.law}{note}"


def _codes(mapper: Mapper) -> Iterator[Block]:
    shown = [sheet for sheet in sheets(mapper) if sheet.standard == "HL7 v2"]
    names = dict.fromkeys(line.of for sheet in shown for line in sheet.lines if line.of)
    yield Heading("Code tables")
    for name in names:
        rows = tuple((one.code, one.display, one.name, one.word, one.use) for one in code_lines(mapper, name))
        yield Heading(name, 3)
        yield Table(("Code", "Display", "System", "Our word", "Use"), rows, ("Code", "Our word"))


def _examples(settings: Settings, peer: PeerSettings, mapper: Mapper) -> Iterator[Block]:
    hospital, unit = settings.organization, peer.organization
    if settings.role is not Role.HOSPITAL:
        hospital, unit = unit, hospital
    hospital = hospital.evolve(kind=OrganizationKind.HOSPITAL)
    yield Heading("Example messages")
    yield Paragraph(
        "About an invented person with a number of the test register. A line is a segment, which ends with CR."
    )
    for message in example_messages(hospital.evolve(part_of=None), unit.evolve(part_of=None)):
        sent = sent_as(message)
        yield Heading(f"{sent.code}^{sent.trigger}: {word(message.kind, 'en')}", 3)
        yield Listing(_lines(message, peer.hl7v2, mapper))

    shown = example_view(unit.evolve(part_of=None), hospital.evolve(part_of=None))
    yield Heading(f"PPG^PCG: {word(shown.kind, 'en')}", 3)
    value = spoken(mapper.plan_message_to_hl7v2(shown), peer.hl7v2)
    yield Listing(tuple(segment.text for segment in new(value).segments))


def _lines(message: Message, line: Hl7v2Line, mapper: Mapper) -> tuple[str, ...]:
    value = with_words(mapper.message_to_hl7v2(message, owner=example_owner()), message, line)
    return tuple(segment.text for segment in new(spoken(value, line)).segments)
