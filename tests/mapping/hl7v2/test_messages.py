"""REF and RRI: every message is written and read back whole; other systems' are read, or refused with the place."""

from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.people import AddressProtection, OrganizationKind
from ip_fhir.errors import InvalidInput, NotTaken
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import default, message_from_hl7v2, message_to_hl7v2
from ip_fhir.mapping.hl7v2.events import sent_as
from ip_fhir.mapping.hl7v2.reading import persons_in_hl7v2
from ip_fhir.mapping.hl7v2.told import told_in_hl7v2
from ip_fhir.testing.message_samples import HOSPITAL, NUMBER, UNIT, message
from tests.mapping.hl7v2.samples import (
    ANSWER,
    MSH,
    NOTICE,
    OBR,
    PERSON,
    PID,
    PLAIN,
    RF1,
    changed,
    value_of,
)
from tests.support import strategies as make

OSLO = ZoneInfo("Europe/Oslo")

EVENTS = {
    MessageKind.NOTICE: "REF I12 P",
    MessageKind.INFORMATION: "REF I13 P",
    MessageKind.CANCELLATION: "REF I14 P",
    MessageKind.ABORT_REQUEST: "REF I14 P",
    MessageKind.WITHDRAWAL: "REF I14 P",
    MessageKind.CLOSURE: "REF I14 P",
    MessageKind.REMINDER: "REF I15 P",
    MessageKind.FORM_INCOMPLETE: "REF I15 P",
    MessageKind.ESCALATION: "REF I15 P",
    MessageKind.ACCEPTED: "RRI I12 A",
    MessageKind.ASSESSING: "RRI I12 A",
    MessageKind.FORWARDED: "RRI I12 A",
    MessageKind.GREEN_FORM: "RRI I12 A",
    MessageKind.INFORMATION_REQUEST: "RRI I12 P",
    MessageKind.COORDINATOR_VACANT: "RRI I12 P",
    MessageKind.ABORT_AGREED: "RRI I14 A",
    MessageKind.ABORT_REFUSED: "RRI I14 R",
}
"""The event and RF1-1 of each kind, written down a second time."""


@settings(max_examples=60)
@given(make.messages())
def test_any_message_comes_back(sent: Message) -> None:
    """Written as ER7 and read back it is equal, to the last field; the same message gives the same bytes."""
    content = new(message_to_hl7v2(sent)).to_bytes()
    assert new(message_to_hl7v2(sent)).to_bytes() == content
    assert message_from_hl7v2(read(content, DEFAULT_LIMITS).value) == sent


@pytest.mark.parametrize("kind", MessageKind)
def test_each_kind_has_its_event(kind: MessageKind) -> None:
    """MSH-9, RF1-1 and the row `message-kind`; the structure has nothing in the wrong place."""
    written = new(message_to_hl7v2(message(kind)))
    fields = (written.field("MSH-9.1"), written.field("MSH-9.2"), written.field("RF1-1"))
    assert " ".join(fields) == EVENTS[kind]
    rows = {row["OBX"]["f3"][0]["c1"]: row["OBX"] for row in written.value["OBSERVATION"][0]["RESULTS_NOTES"]}
    assert rows["message-kind"]["f5"] == [{"c1": str(kind), "c2": rows["message-kind"]["f5"][0]["c2"], "c3": "99IPMSG"}]
    assert written.warnings == ()


def test_a_closure_is_of_the_side_that_sends_it() -> None:
    """REF from the hospital, RRI from the municipality."""
    closure = message(MessageKind.CLOSURE)
    assert sent_as(closure).code == "REF"
    assert sent_as(closure.evolve(sender=UNIT, recipient=HOSPITAL)).code == "RRI"


def test_messages_after_the_notice_say_who_the_person_is_and_no_more() -> None:
    """Name, number and birth date of the notice's person, where the writer knows them; no address, no telephone."""
    notice = message_from_hl7v2(value_of(*NOTICE)).notice
    assert notice is not None
    for kind in set(MessageKind) - {MessageKind.NOTICE}:
        value = message_to_hl7v2(message(kind), owner=notice.owner)
        assert set(value["PID"]) == {"f1", "f3", "f5", "f7"}
        assert persons_in_hl7v2(value) == {notice.owner.identifier}
        assert message_from_hl7v2(value) == message(kind)


def test_without_the_person_pid_names_nobody() -> None:
    """REF and RRI require a PID; one that says no more than the number of the referral is written."""
    for kind in MessageKind:
        value = message_to_hl7v2(message(kind))
        assert persons_in_hl7v2(value) == ({NUMBER} if kind is MessageKind.NOTICE else frozenset())
    assert message_to_hl7v2(message(MessageKind.REMINDER))["PID"] == {
        "f1": [{"c1": "1"}],
        "f3": [{"c1": "loop-1", "c4": "99IPREF", "c5": "XX"}],
        "f5": [{"c7": "S"}],
    }


def test_a_long_id_goes_whole_into_a_row() -> None:
    """MSH-10 holds 20 characters."""
    sent = message(MessageKind.REMINDER, ident="4c8bff8a-2ba7-4a8d-9a22-6f7a1f6f0f52")
    value = message_to_hl7v2(sent)
    assert len(value["MSH"]["f10"][0]["c1"]) == 20
    assert message_from_hl7v2(value).id == sent.id


def test_two_quotation_marks_are_not_sent_as_nothing() -> None:
    """HL7 v2 reads them as 'known to be nothing': the message is refused, and the place is named."""
    with pytest.raises(InvalidInput) as caught:
        message_to_hl7v2(message(MessageKind.REMINDER).evolve(text='""'))
    assert [str(problem) for problem in caught.value.problems] == [
        "OBX[3]-5.1: is two quotation marks, which say nothing in HL7 v2"
    ]


def test_a_notice_with_standard_parties() -> None:
    """Rows of ours, and PRD segments as any system writes them: the person's unit stands beside the person."""
    read_ = message_from_hl7v2(value_of(*NOTICE))
    assert read_.notice is not None
    notice = read_.notice
    assert (read_.id, read_.correlation_id, notice.id) == ("M-0001", "referral-03", "notice-03")
    assert (str(read_.sender.her_id), str(read_.recipient.her_id)) == ("90000101", "90000202")
    sender = notice.organization(notice.sender)
    assert (sender.name, sender.part_of, sender.kind) == ("Slagenheten", read_.sender.id, OrganizationKind.OTHER)
    assert sender.address is not None
    assert sender.address.lines == ("Sykehusveien 1",)
    (author,) = notice.professionals
    assert (notice.author, author.name.full, author.hpr_number) == (author.id, "Berit Fjørtoft", "990000187")
    assert author.organization == notice.sender
    assert notice.reason == "Slag i desember\nTrenger hjelp & plan"
    assert notice.owner.birth_date == date(1961, 2, 14)
    assert notice.owner.address is not None
    assert notice.owner.address.municipality == "5699"
    assert [contact.value for contact in notice.owner.contacts] == ["+47 00 00 05 21", "h.b@privat.example"]


def test_a_notice_without_a_row_of_ours() -> None:
    """The kind stands in RF1-10, the id is the message's, the time that of MSH-7."""
    read_ = message_from_hl7v2(value_of(*PLAIN))
    assert read_.kind is MessageKind.NOTICE
    assert read_.notice is not None
    assert (read_.notice.id, str(read_.notice.kind)) == ("M-0001", "coordinator")
    assert read_.notice.authored == read_.sent


def test_words_and_documents_of_others() -> None:
    """NTE at the end is the reason, OBX|ED a document: AU's display segment, in capitals."""
    told = message_from_hl7v2(value_of(*PLAIN, "NTE|1||Trenger koordinator")).notice
    assert told is not None
    assert told.reason == "Trenger koordinator"
    obr, obx = "OBR|1|||11488-4^Consult note^LN", "OBX|1|ED|HTML^Display^AUSPDI||^TEXT^HTML^Base64^PHA+||||||F"
    notice = message_from_hl7v2(value_of(*PLAIN, obr, obx)).notice
    assert notice is not None
    assert [(a.title, a.content_type, a.data) for a in notice.attachments] == [("Display", "text/html", "PHA+")]


def test_parties_that_only_msh_names() -> None:
    """Without a unit in PRD the facilities of MSH-4 and MSH-6 are the parties."""
    told = message_from_hl7v2(value_of(MSH, RF1, "PRD|AP|Moe^Kim", "PRD|IR|Lie^Bo", PID))
    assert (told.sender.id, told.recipient.id) == ("her-90000101", "her-90000202")
    assert told.notice is not None
    assert [person.name.full for person in told.notice.professionals] == ["Kim Moe"]


def test_times_without_an_offset() -> None:
    """They have that of MSH-7, and without it the sender's zone; never UTC. What has an offset keeps it."""
    of_msh = changed(NOTICE, OBR, OBR.replace("20260112100500+0100", "20260712095959"))
    bare = changed(NOTICE, "|20260112100500+0100||REF", "|20260712100500||REF")
    far = changed(NOTICE, "|20260112100500+0100||REF", "|20280808092805-0600||REF")
    assert _authored(of_msh) == datetime(2026, 7, 12, 9, 59, 59, tzinfo=timezone(timedelta(hours=1)))
    assert message_from_hl7v2(bare).sent == datetime(2026, 7, 12, 10, 5, tzinfo=OSLO)
    assert message_from_hl7v2(far).sent.utcoffset() == timedelta(hours=-6)


def _authored(value: dict[str, Any]) -> datetime:
    notice = message_from_hl7v2(value).notice
    assert notice is not None
    return notice.authored


def test_null_and_empty_say_nothing_in_a_notice() -> None:
    """Two quotation marks are never read as a text, nor as an unreadable date."""
    notice = message_from_hl7v2(changed(NOTICE, "||19610214|M|", '||""|""|')).notice
    assert notice is not None
    assert (notice.owner.birth_date, notice.owner.gender) == (None, None)


def test_a_plain_yes_names_nobody() -> None:
    """MSA is a receipt; RF1-1 = A without a name is accepted, and the loop stays open."""
    told = message_from_hl7v2(value_of(*ANSWER))
    assert (told.kind, told.answers, told.form) == (MessageKind.ACCEPTED, "M-0001", None)


def test_a_plain_yes_with_a_person_is_a_form() -> None:
    """RF1-1 = A with a person who can be reached: a green form, as complete as it is."""
    told = message_from_hl7v2(value_of(*ANSWER[:5], PERSON, PID))
    assert told.form is not None
    assert told.form.decision is FormDecision.APPOINTED
    (place,) = told.form.coordinators
    holder = told.form.professional(place.holder)
    assert holder is not None
    assert holder.name.full == "Ingvild Krogstad"
    assert [o.name for o in told.form.organizations if o.id == holder.organization] == ["Nordvik skole"]


def test_a_plain_no_is_a_form_without_its_reason() -> None:
    """RF1-1 = R: rejected; what a rejection must say is missing, and is asked for."""
    told = message_from_hl7v2(changed(ANSWER, "A^Accepted", "R^Rejected"))
    assert told.form is not None
    assert (told.form.decision, told.form.rejection) == (FormDecision.REJECTED, None)


def test_groups_name_persons_in_their_order() -> None:
    """A group of rows without a holder belongs to the person named at its place."""
    rows = (
        "OBR|1|notice-03|form-03|ip-green-form^^99IP|||20260125120000+0100",
        "OBX|1|CWE|decision^^99IP||appointed^^99IPDEC||||||F",
        "OBX|2|DT|coordinator-from^^99IP|coordinator.1|20260201||||||F",
    )
    form = message_from_hl7v2(value_of(*ANSWER[:5], PERSON, PID, *rows)).form
    assert form is not None
    assert [(c.period.start, c.holder) for c in form.coordinators] == [(date(2026, 2, 1), form.professionals[0].id)]
    more = (*rows, "OBX|3|DT|coordinator-from^^99IP|coordinator.2|20260301||||||F")
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2(value_of(*ANSWER[:5], PERSON, PID, *more))
    assert caught.value.problems[0].path == "OBX-4"


A_FORM = "OBX|1|CWE|message-kind^^99IP||green-form^^99IPMSG||||||F"
A_NO = "OBX|2|CWE|decision^^99IP||rejected^^99IPDEC||||||F"

REFUSED = [
    ("a test message", NOTICE, "|M-0001|P|", "|M-0001|T|", "MSH-11"),
    (
        "two kinds",
        NOTICE,
        REASON_KIND := "OBX|1|TX|reason",
        "OBX|9|CWE|notice-kind^^99IP||plan^^99IPKIND||||||F\rOBX|1|TX|reason",
        "RF1-10",
    ),
    (
        "a code that is not known",
        NOTICE,
        REASON_KIND,
        "OBX|9|CWE|notice-kind^^99IP||x^^99IPKIND||||||F\rOBX|1|TX|reason",
        "OBX[1]-5",
    ),
    ("a row that is taken back", NOTICE, "||||||F", "||||||W", "OBX[1]-11"),
    (
        "two values",
        NOTICE,
        REASON_KIND,
        "OBX|9|DT|discharge^^99IP||20260120~20260121||||||F\rOBX|1|TX|reason",
        "OBX[1]-5",
    ),
    ("a row twice", NOTICE, REASON_KIND, "OBX|9|TX|reason^^99IP||x||||||F\rOBX|1|TX|reason", "OBX[2]"),
    ("no referral", NOTICE, "referral-03^FJELL", "", "RF1-6.1"),
    ("no kind", PLAIN, "coordinator^Koordinator^99IP", "O^Provider Ordered^HL70336", "OBX[notice-kind]-5"),
    ("an impossible day", NOTICE, "19610214", "19610231", "PID-7.1"),
    ("a day in words", NOTICE, "19610214", "feb 1961", "PID-7.1"),
    ("a number of nobody", NOTICE, "14826121549", "14826121548", "PID-3"),
    (
        "two recipients",
        PLAIN,
        "PRD|RT^Referred to Provider^HL70286||",
        "PRD|IR|||^^^^^^^^Nord\rPRD|IR|||^^^^^^^^Sør\rPRD|RT|",
        "PRD",
    ),
    ("another priority", NOTICE, "R^Routine^HL70280", "E", "RF1-2"),
    ("another priority of the table", PLAIN, "R^Routine^HL70280", "E^Emergency^HL70280", "RF1-2"),
    ("another gender", NOTICE, "|M|", "|X|", "PID-8.1"),
    (
        "yes, and no",
        ANSWER,
        PID,
        f"{PID}\rOBR|1|||ip-green-form^^99IP\r{A_FORM}\r{A_NO}",
        "RF1-1",
    ),
    ("no status", ANSWER, "A^Accepted^HL70283", "", "RF1-1"),
]


@pytest.mark.parametrize(("segments", "old", "by", "at"), [pytest.param(*rest, id=name) for name, *rest in REFUSED])
def test_what_is_refused(segments: tuple[str, ...], old: str, by: str, at: str) -> None:
    """With the place as its sender calls it, and without a person's data."""
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2(changed(segments, old, by))
    assert any(problem.path.startswith(at) for problem in caught.value.problems), str(caught.value)
    assert "14826121549" not in str(caught.value)
    assert "Bjørnstad" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "by", "told"),
    [
        ("P^Pending^HL70283", "P^Pending^HL70283", []),
        ("P^Pending^HL70283", "X^?^HL70283", ["RF1-1 W"]),
        ("R^Routine^HL70280", "1^Straks^99LOCAL", ["RF1-2 W"]),
        ("R^Routine^HL70280", "", []),
        ("HL70280|||O", "HL70280|REH^Rehabilitation^HL70281||O", ["RF1-3 I"]),
        ("O^Outpatient^HL70284", "I^Inpatient^HL70284", ["RF1-5 I"]),
        ("O^Outpatient^HL70284", '""', []),
        ("coordinator^Koordinator^99IP", "coordinator^Koordinator^99IP", []),
        ("coordinator^Koordinator^99IP", "Z51^Palliative^ICD10", ["RF1-10 W"]),
    ],
)
def test_a_code_that_is_not_read_is_told(old: str, by: str, told: list[str]) -> None:
    """In each coded field of RF1: nothing is told where nothing stands, and where it is known."""
    about = "OBX|8|CWE|message-kind^^99IP||notice^^99IPMSG||||||F"
    row = "OBX|9|CWE|notice-kind^^99IP||coordinator^^99IPKIND||||||F"
    value = changed((*NOTICE, about, row), old, by)
    kind = message_from_hl7v2(value).kind
    found = told_in_hl7v2(value, kind, default().compiled)
    assert [f"{one.path} {'I' if one.code == 'informational' else 'W'}" for one in found] == told


def test_a_party_that_says_nothing_is_refused() -> None:
    """A PRD with a role of ours and nothing else names nobody: refused at its place."""
    with pytest.raises(InvalidInput, match=r"^PRD\[3\]: says nothing that can be read here$"):
        message_from_hl7v2(value_of(*NOTICE[:4], "PRD|org^Organisation^99IPROLE", *NOTICE[4:]))


def test_a_row_that_names_its_code_twice_is_one_row() -> None:
    """Among few rows and among many."""
    rows = [f"OBX|{n}|TX|other-{n}^^99LOCAL||x||||||F" for n in range(2, 12)]
    twice = "OBX|1|TX|reason^^99IP~reason^^99IP||Slag||||||F"
    for more in ((), rows):
        notice = message_from_hl7v2(value_of(*NOTICE[:-1], twice, *more)).notice
        assert notice is not None
        assert notice.reason == "Slag"


def test_two_numbers_of_one_series_are_refused() -> None:
    """Which is the person's is not guessed; one of another series stands beside the first."""
    second = "14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR~05827500285^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR"
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2(changed(NOTICE, "14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR", second))
    assert [problem.path for problem in caught.value.problems] == ["PID-3[2]"]
    beside = value_of(*NOTICE[:4], PID.replace("|1||", "|1||4711^^^LAB^MR~"), OBR)
    assert len(persons_in_hl7v2(beside)) == 1


@pytest.mark.parametrize("status", ["P^Pending^HL70283", "E^Expired^HL70283", "C^Lokal^99X", "X^?^HL70283"])
def test_what_is_no_answer(status: str) -> None:
    """Pending is a receipt, expired and unknown codes are for a person to look at: nothing is taken in."""
    with pytest.raises(NotTaken) as caught:
        message_from_hl7v2(changed(ANSWER, "A^Accepted^HL70283", status))
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [("RF1-1", "not-supported")]


@pytest.mark.parametrize(
    ("facility", "refused"),
    [
        ({"c1": "1", "c2": "2.16.578.1.12.4.1.2.1", "c3": "ISO"}, True),
        ({"c1": "90000999"}, True),
        ({"c1": str(UNIT.her_id)}, False),
        ({"c1": str(UNIT.organization_number)}, False),
        ({"c1": "KE NORDVIK"}, False),
        ({"c1": "0042"}, False),
        ({"c1": "90000999", "c2": "1.2.3", "c3": "ISO"}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize(("field", "kind"), [("f4", MessageKind.GREEN_FORM), ("f6", MessageKind.NOTICE)])
def test_msh_may_not_contradict_the_party(
    field: str, kind: MessageKind, facility: dict[str, str], *, refused: bool
) -> None:
    """MSH-4 and -6 with another number than the PRD of our own party, also without its register: refused.

    Names, and numbers that are no HER-id, or of registers that are not known here, are not compared.
    """
    value = message_to_hl7v2(message(kind))
    value["MSH"][field] = [facility]
    if not refused:
        assert message_from_hl7v2(value) == message(kind)
        return
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2(value)
    assert [(one.path, one.code) for one in caught.value.problems] == [(f"MSH-{field[1:]}", "invariant")]


def test_another_type_of_message() -> None:
    """Neither REF nor RRI."""
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2({"MSH": {"f9": [{"c1": "ACK"}]}})
    assert [problem.path for problem in caught.value.problems] == ["MSH-9"]


def test_a_protected_address_is_not_written() -> None:
    """What leads to the person stays here: address and telephone are in no segment, the grading is."""
    protected = {"protection": AddressProtection.STRICTLY_CONFIDENTIAL}
    notice = message_from_hl7v2(value_of(*NOTICE)).notice
    assert notice is not None
    sent = message_from_hl7v2(value_of(*NOTICE))
    graded = sent.evolve(notice=notice.evolve(owner=notice.owner.evolve(**protected)))
    content = new(message_to_hl7v2(graded)).to_bytes().decode()
    assert "Åsvegen" not in content
    assert "05 21" not in content
    told = message_from_hl7v2(read(content.encode(), DEFAULT_LIMITS).value).notice
    assert told is not None
    assert told.owner.protection is AddressProtection.STRICTLY_CONFIDENTIAL


def test_gradings_and_mandates_come_back_to_their_persons() -> None:
    """A grading of nobody in the message is refused."""
    row = "OBX|9|ST|protected^^99IP|protected.1|nobody||||||F"
    with pytest.raises(InvalidInput) as caught:
        message_from_hl7v2(value_of(*NOTICE, row))
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [("OBX", "not-found")]
