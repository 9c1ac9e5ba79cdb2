"""Messages of HL7 v2 as another system writes them, by hand: invented people, numbers of test registers."""

from typing import Any

from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read

MSH = (
    r"MSH|^~\&|EPJ|90000101^2.16.578.1.12.4.1.2.90000101^ISO|KE|90000202^2.16.578.1.12.4.1.2.90000202^ISO"
    "|20260112100500+0100||REF^I12^REF_I12|M-0001|P|2.5.1|||AL|NE|NOR|UNICODE UTF-8|nb"
)
RF1 = (
    "RF1|P^Pending^HL70283|R^Routine^HL70280|||O^Outpatient^HL70284|referral-03^FJELL|20260112||20260112"
    "|coordinator^Koordinator^99IP"
)
RP = (
    "PRD|RP^Referring Provider^HL70286|Fjørtoft^Berit|Sykehusveien 1^^Fjellby^^9890^NOR"
    "|^^^&2.16.578.1.12.4.1.2.90000105&ISO^^^^^Slagenheten|^WPN^PH^^^^^^^^^+47 00 00 04 17"
    "||990000187^HPR^2.16.578.1.12.4.1.4.4"
)
RT = (
    "PRD|RT^Referred to Provider^HL70286||Rådhusplassen 2^^Nordvik^^9899^NOR"
    "|^^^&2.16.578.1.12.4.1.2.90000202&ISO^^^^^Koordinerende enhet Nordvik"
    "|^WPN^PH^^^^^^^^^+47 00 00 02 02||312012332^ENH^2.16.578.1.12.4.1.4.101"
)
PID = (
    "PID|1||14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Bjørnstad^Håvard^^^^^L||19610214|M"
    "|||Åsvegen 41^^Nordvik^^9899^NOR^H^^5699||^PRN^PH^^^^^^^^^+47 00 00 05 21~^NET^Internet^h.b@privat.example||nn"
)
OBR = "OBR|1|notice-03^FJELL||ip-notice^Melding om behov^99IP|||20260112100500+0100"
REASON = r"OBX|1|TX|reason^^99IP||Slag i desember\.br\Trenger hjelp \T\ plan||||||F"

NOTICE = (MSH, RF1, RP, RT, PID, OBR, REASON)
"""A notice of a sender that knows our rows of OBX, and names parties by standard PRD segments."""

PLAIN = (MSH, RF1, RP, RT, PID)
"""A notice of a sender that knows no row of ours."""

ANSWER = (
    MSH.replace("REF^I12^REF_I12", "RRI^I12^RRI_I12"),
    "MSA|AA|M-0001",
    RF1.replace("P^Pending", "A^Accepted"),
    RP,
    RT,
    PID,
)
"""An answer that says yes and names nobody."""

PERSON = (
    "PRD|RT^Referred to Provider^HL70286~coordinator^Koordinator^99IPROLE|Krogstad^Ingvild"
    "||^^^&2.16.578.1.12.4.1.4.101.312012340&ISO^^^^^Nordvik skole|^WPN^PH^^^^^^^^^+47 00 00 02 31"
)
"""A person whom the referral was passed to."""


def value_of(*segments: str) -> dict[str, Any]:
    """The value of a message of these segments."""
    return read(("\r".join(segments) + "\r").encode(), DEFAULT_LIMITS).value


def changed(segments: tuple[str, ...], old: str, new: str) -> dict[str, Any]:
    """The value of a message with one text in place of another, which must be there."""
    whole = "\r".join(segments)
    assert old in whole
    return value_of(*whole.replace(old, new).split("\r"))
