"""HL7 v2 text: one REF^I12 read into its value and written, beside what other libraries take to parse it alone.

The floor is python-hl7's bare parse, which undoes no escape and knows no groups; hl7apy's, with groups, is told beside.
Then a whole notice, from text to the domain and back, beside the same notice as a FHIR message.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hl7
from hl7apy.parser import parse_message
from measuring import Figure, interleaved, medians

from ip_fhir.domain.message import Message
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.domain.values.value import read as read_value
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import DEFAULT_LIMITS, read_json
from ip_fhir.hl7v2.acknowledgement import ack
from ip_fhir.hl7v2.header import head
from ip_fhir.hl7v2.message import new, read
from ip_fhir.hl7v2.text.times import dtm_of, iso_of, zone_of
from ip_fhir.mapping import message_from_fhir, message_from_hl7v2, message_to_fhir, message_to_hl7v2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EXAMPLES = Path(__file__).parents[1] / "examples" / "notices"
_AT = datetime(2026, 1, 12, 9, 5, tzinfo=UTC)
_TIMES = 50  # in a round
_READ = "read, with its value"
_TEXT = r"""
MSH|^~\&|IP_FHIR|90000101^2.16.578.1.12.4.1.2.90000101^ISO|IP_FHIR
  |90000202^2.16.578.1.12.4.1.2.90000202^ISO|20260112100500+0100||REF^I12^REF_I12|M-0001|P|2.5.1|||AL|AL
  |NOR|UNICODE UTF-8|nb
RF1|P^Pending^HL70283|R^Routine^HL70280|||O^Outpatient^HL70284|referral-03^FJELL|20260112||20260112
PRD|RP^Referring Provider^HL70286|Fjørtoft^Berit|Sykehusveien 1^^Fjellby^^9890^NOR
  |^^^&2.16.578.1.12.4.1.2.90000105&ISO^^^^^Slagenheten|^WPN^PH^^^^^^^^^+47 00 00 04 17||990000187^HPR
PRD|RT^Referred to Provider^HL70286||Rådhusplassen 2^^Nordvik^^9899^NOR
  |^^^&2.16.578.1.12.4.1.2.90000202&ISO^^^^^Koordinerende enhet Nordvik|^WPN^PH||312012332^ENH
PID|1||14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Bjørnstad^Håvard^^^^^L||19610214|M||
  |Åsvegen 41^^Nordvik^^9899^NOR^H^^5699|
  |^PRN^PH^^^^^^^^^+47 00 00 05 21~^NET^Internet^havard@privat.example||nn
NK1|1|Bjørnstad^Turid Øvrebø|SPO^Spouse^HL70063||^PRN^PH^^^^^^^^^+47 00 00 05 22||N^Next-of-Kin^HL70131
OBR|1|notice-03^FJELL||ip-notice^Melding om behov^99IP|||20260112100500+0100
OBX|1|CWE|notice-kind^^99IP||coordinator^Coordinator^99IPKIND||||||F
OBX|2|TX|reason^^99IP||Slag i desember\.br\Trenger koordinator \T\ plan: mål \F\ tiltak (50 \X25\)||||||F
OBX|3|TX|wished-coordinator^^99IP||Ergoterapeut i Nordvik||||||F
OBX|4|DT|discharge^^99IP||20260120||||||F
"""
_NOTICE = _TEXT.strip().replace("\n  ", "").replace("\n", "\r") + "\r"


def measure(quick: bool) -> Iterator[Figure]:
    """The figures, each by python-hl7's parse of the same message."""
    content = _NOTICE.encode()
    message = read(content, DEFAULT_LIMITS)
    changed = copy.deepcopy(message.value)
    changed["PID"]["f8"] = [{"c1": "F"}]
    at = message.field("MSH-7")
    works: dict[str, Callable[[], object]] = {
        "python-hl7": lambda: hl7.parse(_NOTICE),
        _READ: lambda: read(content, DEFAULT_LIMITS).value,
        "one field written over": lambda: message.put(changed),
        "written anew": lambda: new(message.value),
        "header alone, and its acknowledgement": lambda: ack(head(content), "AA", at=_AT),
        "a time read and written": lambda: dtm_of(iso_of(at, zone_of(at, OSLO)).text),
    }
    found = medians(interleaved(10 if quick else 60, **{name: _repeated(work) for name, work in works.items()}), _TIMES)
    other = medians(interleaved(3 if quick else 10, hl7apy=lambda: parse_message(_NOTICE)))["hl7apy"]
    for name in works:
        if name != "python-hl7":
            at_most = 0.4 if name == _READ else None  # so that the mapping, too, is done before python-hl7 is
            yield Figure(name, found[name], "ms", floor=found["python-hl7"], at_most=at_most)
    yield Figure(f"{_READ}, beside hl7apy's parse", found[_READ], "ms", floor=other)
    for path in sorted(_EXAMPLES.glob("0[14]*.json")):
        yield from mapped(path.stem[:2], read_value(Notice, path.read_bytes()), quick)


def mapped(name: str, notice: Notice, quick: bool) -> Iterator[Figure]:
    """An example notice as REF^I12, both ways, by its FHIR message and by others' bare parse."""
    message = Message.of_notice(notice, "message-1")
    er7, fhir = new(message_to_hl7v2(message)).to_bytes(), dumps(message_to_fhir(message))
    text = er7.decode()
    works: dict[str, Callable[[], object]] = {
        "read": lambda: message_from_hl7v2(read(er7, DEFAULT_LIMITS).value),
        "read_fhir": lambda: message_from_fhir(read_json(fhir)),
        "written": lambda: new(message_to_hl7v2(message)).to_bytes(),
        "written_fhir": lambda: dumps(message_to_fhir(message)),
        "hl7": lambda: hl7.parse(text),
    }
    found = medians(interleaved(5 if quick else 30, **{n: _repeated(work) for n, work in works.items()}), _TIMES)
    other = medians(interleaved(3 if quick else 10, hl7apy=lambda: parse_message(text)))["hl7apy"]
    what = f"notice {name} ({len(er7):,} bytes)"
    yield Figure(f"{what}: read and mapped, by FHIR", found["read"], "ms", floor=found["read_fhir"], at_most=1.5)
    yield Figure(f"{what}: by python-hl7's parse", found["read"], "ms", floor=found["hl7"], at_most=1)
    yield Figure(f"{what}: by hl7apy's parse", found["read"], "ms", floor=other, at_most=1)
    yield Figure(f"{what}: mapped and written, by FHIR", found["written"], "ms", floor=found["written_fhir"])


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(_TIMES):
            work()

    return run
