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
from ip_fhir.report.specification.speech import Speech
from ip_fhir.report.table_review import code_lines, sheets
from ip_fhir.report.words.codes import word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.mapping import Mapper
    from ip_fhir.report.specification.blocks import Block
    from ip_fhir.report.table_review import ReviewedRow, Sheet
    from ip_fhir.report.words.codes import Language
    from ip_fhir.settings import PeerSettings, Settings

_STATUS: Final = {"accepted": "A", "pending": "P", "rejected": "R", "expired": "E"}
_ALONG: Final = (
    ("msa_in_answers", "MSA in an RRI that is sent later: AA, and MSH-10 of the message that it answers"),
    ("note", "the reason again as NTE at the end (of the last row of OBX)"),
    ("display_segment", "an OBX|ED `HTML^^AUSPDI` with the message as HTML"),
    ("bundle", "an OBX|ED `fhir-message^^99IP` with the FHIR message Bundle, which is what is read"),
)
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
    "throttled": "too often, or too much at once: to be sent again later",
    "security": "no or wrong credentials (without detail)",
    "forbidden": "not a referral of this party's (without detail)",
    "multiple-matches": "two things where one is meant",
    "informational": "read all the same: told beside a yes",
}


def specification(settings: Settings, peer: PeerSettings, mapper: Mapper, language: Language = "en") -> list[Block]:
    """Returns the specification of the line with one peer, in this language.

    Names of HL7, such as those of its tables, stay in English. Raises `InvalidInput` (not-supported) for a side without
    a role in the loop.
    """
    if settings.role is None:
        raise InvalidInput.at("role", "is needed: without it no referral is sent or taken in", "not-supported")
    say = Speech(language)
    return [
        Heading(title(settings, peer, language), 1),
        Paragraph(
            say(
                "Notices of a need for an individual plan or a coordinator, the green form that answers them, and what "
                "is said between. Made from the settings and the mapping tables of the software: what stands here is "
                "what it does. Section numbers are those of HL7 v2.9."
            )
        ),
        *_parties(settings, peer, say),
        *_line(settings, peer, say),
        *_events(settings.role, say),
        *_plan_events(say),
        *_acknowledgements(peer.hl7v2, say),
        *_tables(mapper, peer.hl7v2, say),
        *_codes(mapper, say),
        *_examples(settings, peer, mapper, say),
    ]


def title(settings: Settings, peer: PeerSettings, language: Language = "en") -> str:
    """Returns the title of the specification: between whom the line is."""
    parties = {"ours": settings.organization.name, "peer": peer.organization.name}
    return Speech(language)("HL7 v2 between {ours} and {peer}", **parties)


def _parties(settings: Settings, peer: PeerSettings, say: Speech) -> Iterator[Block]:
    yield Heading(say("Parties"))
    named_by = say("MSH-4 and MSH-6 name the facility by HER-id, else by organisation number:")
    yield Paragraph(f"{named_by} <id>^<OID>.<id>^ISO.")
    named = [("we", settings.organization), *(("we", unit) for unit in settings.units)]
    named += [("the peer", peer.organization), *(("the peer", unit) for unit in peer.units)]
    rows = tuple(
        (say(side), one.name, one.her_id or "", one.organization_number or "", one.resh_id or "", _reached(one, say))
        for side, one in named
    )
    yield Table(say.all("Side", "Organisation", "HER-id", "Organisation number", "RESH-id", "Contact"), rows)


def _reached(organization: Organization, say: Speech) -> str:
    return ", ".join(f"{word(contact.system, say.language)}: {contact.value}" for contact in organization.contacts)


def _line(settings: Settings, peer: PeerSettings, say: Speech) -> Iterator[Block]:
    rows = [(say(name), value) for name, value in (*_written_and_read(peer, say), *_times_of_line(peer, say))]
    listeners = _listeners(settings, peer, say) or say("not set up")
    way = say("MLLP: 0B, the message, 1C 0D; over TLS with certificates on both sides")
    yield Heading(say("The line"))
    shown = ((say("Transport"), way), (say("We send to"), peer.url), (say("We listen on"), listeners), *rows)
    yield Table(say.all("Setting", "Value"), shown)


def _written_and_read(peer: PeerSettings, say: Speech) -> Iterator[tuple[str, str]]:
    """Yields what is written to the peer and how its messages are read, each setting with its value."""
    line = peer.hl7v2
    unnamed = say("is read as {charset}", charset=line.charset) if line.charset else say("is read if ASCII or UTF-8")
    need = say("is about: {kind}", kind=word(line.notice_kind, say.language)) if line.notice_kind else say("is refused")
    lacking = "was taken out" if _all_sent(peer) else "is as it was, unless it says change-whole Y"
    asked = say("nothing (original mode)") if line.ack_mode == "original" else line.ack_mode
    error = say("it may come again" if line.application_error == "retry" else "it is refused for good")
    yield "Version that we write (MSH-12)", line.version
    yield "Versions that we read", say("2.1 to 2.9")
    yield "Character set that we write (MSH-18)", line.written_charset
    yield "A message without MSH-18", unnamed
    yield "Times without an offset", say("that of MSH-7; else {zone}", zone=line.zone)
    yield "Acknowledgements that we ask for (MSH-15/MSH-16)", asked
    yield "Your AE or CE without a code of ERR-3", f"{line.application_error}: {error} (206, 207)"
    yield "A referral that does not say its need", need
    yield "What a change of yours to a plan lacks", say(lacking)


def _times_of_line(peer: PeerSettings, say: Speech) -> Iterator[tuple[str, str]]:
    """Yields what goes along with a message, and the times, each setting with its value."""
    along = [f"{name}: {say(words)}" for name, words in _ALONG if getattr(peer.hl7v2, name)]
    ends = "{seconds} seconds, then the connection is closed and the message comes again"
    frames = "30 seconds and 10 minutes, if the listener's options say nothing else"
    yield "Goes along", "; ".join(along) or say("nothing")
    yield "Time for the answer", say(ends, seconds=f"{peer.timeout:g}")
    yield "Time for a frame, and between two", say(frames)


def _all_sent(peer: PeerSettings) -> bool:
    return "removed" in (peer.absent, peer.hl7v2.absent)


def _listeners(settings: Settings, peer: PeerSettings, say: Speech) -> str:
    found = [one.options for one in settings.listeners if one.use == "mllp" and peer.name in settings.brought_by(one)]
    return ", ".join(
        say("{host} port {port}", host=str(one.get("host", "127.0.0.1")), port=str(one.get("port", 2575)))
        for one in found
    )


def _events(role: Role, say: Speech) -> Iterator[Block]:
    yield Heading(say("Messages and events"))
    yield Paragraph(
        say(
            "RF1-6 is the same from the notice to the last message; RF1-11 may have your own id of the referral. The "
            "kind of a message stands in OBX message-kind and decides; without it the event says it, and in an RRI "
            "RF1-1: A is an acceptance, or with a PRD RT of a person and a way to reach them a green form; R a "
            "refusal; P says only that the referral came in, and any other code is for a person. MSH-9.3 is written "
            "and never relied on."
        )
    )
    rows = [_event_row(role, kind, say) for kind in MessageKind]
    closure = _event_row(role, MessageKind.CLOSURE, say)[0]
    rows.append((closure, "RRI^I12", "P", _sends(role, "RRI", say), "closure"))
    columns = say.all("Message", "Event", "RF1-1", "Direction", "message-kind")
    yield Table(columns, tuple(rows), (columns[1], columns[4]))


def _plan_events(say: Speech) -> Iterator[Block]:
    yield Heading(say("Shared plans"), 3)
    yield Paragraph(
        say(
            "A plan that both sides work on. PTH-3 is the id of the share (the plan and one participant), or of what "
            "is answered; the row NTE message-kind decides, and the event says it again. What is not listed people "
            "say in words. A view is whole; what left it since the last one that was acknowledged has the action code "
            "DE (an order CA), or is named in a row left. In a change that is not whole (change-whole N) absence says "
            "nothing, and what takes away is refused; UC leaves an item as it is, and then its id alone is enough. "
            "Roles (ROL) that no row gives a team are those of the plan's team."
        )
    )
    rows = tuple(
        (
            word(kind, say.language),
            say(" or ").join(f"PPG^{one}" for one in carried.triggers),
            say(f"the {carried.side} sends"),
            str(kind),
        )
        for kind, carried in CARRIED.items()
    )
    columns = say.all("Message", "Event", "Direction", "message-kind")
    yield Table(columns, rows, (columns[1], columns[3]))


def _event_row(role: Role, kind: MessageKind, say: Speech) -> tuple[str, ...]:
    sent = SENT[kind]
    statuses = set(DECIDED.values()) if kind is MessageKind.GREEN_FORM else {sent.status}
    codes = "/".join(sorted(_STATUS[status] for status in statuses))
    return word(kind, say.language), f"{sent.code}^{sent.trigger}", codes, _sends(role, sent.code, say), str(kind)


def _sends(role: Role, code: str, say: Speech) -> str:
    ours = (code == "REF") == (role is Role.HOSPITAL)
    return say("we send" if ours else "the peer sends")


def _acknowledgements(line: Hl7v2Line, say: Speech) -> Iterator[Block]:
    in_rri = (
        "RRI with AA: the business answer where there is one at once, else RF1-1 P, which names nobody; ACK with AA "
        "to what is no REF, and with AE or AR"
    )
    original = say(in_rri) if line.receipt == "RRI" else say("ACK: AA, AE or AR")
    nothing = say("nothing")
    yield Heading(say("Acknowledgements"))
    yield Paragraph(
        say(
            "An answer leaves after the message is stored, never before. No answer means: not stored, send the same "
            "bytes again. The same MSH-10 with the same content (but for MSH-7, -8 and -13) gets the same answer. "
            "MSA-2 is your MSH-10. An acknowledgement is never answered. A batch is answered by a batch; one with a "
            "wrong count by a no to each message."
        )
    )
    modes = (
        (say("empty / empty (original mode)"), original, nothing),
        (say("AL / any"), say("ACK: CA, CE or CR"), nothing),
        ("NE / AL", nothing, say("ACK: AA, AE or AR")),
        (say("ER or SU"), say("only an error, or only a success"), say("as MSH-16 says")),
    )
    yield Table(say.all("You ask (MSH-15 / MSH-16)", "On the connection", "Later, on one of ours"), modes)
    yield Heading(say("Refusals"), 3)
    columns = say.all("MSA-1", "ERR-3", "Words of table 0357", "When", "Our code")
    yield Table(columns, tuple(_refusal(code, say) for code in get_args(IssueCode)), columns[4:])
    yield Paragraph(
        say("In the enhanced mode the codes are CA, CE and CR. Deviations that were read are ERR-4 W beside AA.")
    )


def _refusal(code: IssueCode, say: Speech) -> tuple[str, ...]:
    problem = Problem("", "", code)
    number = error_number(problem)
    return verdict([problem]), str(number), ERRORS[number], say(_REFUSALS[code]), code


def _tables(mapper: Mapper, line: Hl7v2Line, say: Speech) -> Iterator[Block]:
    yield Heading(say("Segments and fields"))
    yield Paragraph(
        say(
            "What has no field of its own is a row of OBX: OBX-3 is the code in brackets, of the coding system 99IP, "
            "OBX-4 the group (need.1), OBX-2 the type. Fields and segments that are not named here are kept and not "
            "read."
        )
    )
    if is_before(line.version, "2.5"):
        elsewhere = (
            "To you, in version {version}, we write what came with 2.5 elsewhere: a number of XTN-12 in XTN-1, CWE of "
            "OBX-2 as CE, a title (PRD-2.14) in PRD-7 with the type 99IPTITLE. We read both."
        )
        yield Paragraph(say(elsewhere, version=line.version))
    for sheet in sheets(mapper):
        if sheet.standard == "HL7 v2":
            yield from _sheet(sheet, say)


def _sheet(sheet: Sheet, say: Speech) -> Iterator[Block]:
    yield Heading(f"{sheet.resource or say('Parts')}: {say.tables.subject(sheet)}", 3)
    yield Paragraph(f"{say.tables.about(sheet)} {say('Table {name}.', name=sheet.name)}")
    columns = say.all("Place", "Which", "Meaning", "Type", "Card.", "Codes", "Section and reason")
    yield Table(columns, tuple(_row(line, say) for line in sheet.lines), (columns[0], columns[5]))
    if sheet.fixed:
        columns = say.all("Always written", "Value")
        yield Table(columns, tuple((at, say.tables.fixed(value)) for at, value in sheet.fixed), columns[:1])


def _row(line: ReviewedRow, say: Speech) -> tuple[str, ...]:
    tables = say.tables
    cardinality = f"{int(line.required)}..{'*' if line.many else '1'}"
    note = f" ({tables.notes(line)})" if line.note else ""
    meaning, which, type_ = tables.words(line.words), tables.where(line.where), tables.where(line.type)
    return line.element, which, meaning, type_, cardinality, line.of, f"{tables.law(line.law)}{note}"


def _codes(mapper: Mapper, say: Speech) -> Iterator[Block]:
    shown = [sheet for sheet in sheets(mapper) if sheet.standard == "HL7 v2"]
    names = dict.fromkeys(line.of for sheet in shown for line in sheet.lines if line.of)
    columns = say.all("Code", "Display", "System", "Our word", "Use")
    yield Heading(say("Code tables"))
    for name in names:
        rows = tuple(
            (one.code, one.display, one.name, one.word, say.tables.text(one.use)) for one in code_lines(mapper, name)
        )
        yield Heading(name, 3)
        yield Table(columns, rows, (columns[0], columns[3]))


def _examples(settings: Settings, peer: PeerSettings, mapper: Mapper, say: Speech) -> Iterator[Block]:
    hospital, unit = settings.organization, peer.organization
    if settings.role is not Role.HOSPITAL:
        hospital, unit = unit, hospital
    hospital = hospital.evolve(kind=OrganizationKind.HOSPITAL)
    yield Heading(say("Example messages"))
    yield Paragraph(
        say("About an invented person with a number of the test register. A line is a segment, which ends with CR.")
    )
    for message in example_messages(hospital.evolve(part_of=None), unit.evolve(part_of=None)):
        sent = sent_as(message)
        yield Heading(f"{sent.code}^{sent.trigger}: {word(message.kind, say.language)}", 3)
        yield Listing(_lines(message, peer.hl7v2, mapper))

    shown = example_view(unit.evolve(part_of=None), hospital.evolve(part_of=None))
    yield Heading(f"PPG^PCG: {word(shown.kind, say.language)}", 3)
    value = spoken(mapper.plan_message_to_hl7v2(shown), peer.hl7v2)
    yield Listing(tuple(segment.text for segment in new(value).segments))


def _lines(message: Message, line: Hl7v2Line, mapper: Mapper) -> tuple[str, ...]:
    value = with_words(mapper.message_to_hl7v2(message, owner=example_owner()), message, line)
    return tuple(segment.text for segment in new(spoken(value, line)).segments)
