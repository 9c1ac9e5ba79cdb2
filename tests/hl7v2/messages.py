"""Messages for the tests of HL7 v2, and hypothesis strategies of texts and values. All persons are invented."""

from typing import Any

from hypothesis import strategies as st

from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import Er7, read

MSH = r"MSH|^~\&|EPJ|90000101|KE|90000202|20260112100500+0100||REF^I12^REF_I12|M1|P|2.5.1|||AL|AL|NOR|UNICODE UTF-8"
REST = (
    "RF1|P|R|||O|referral-03^FJELL|20260112",
    "PRD|RP|Fjørtoft^Berit",
    "PRD|RT",
    "PID|1||14826121549^^^&2.16.578.1.12.4.1.4.1&ISO^NNNOR||Bjørnstad^Håvard||19610214|M",
)
NOTICE = "".join(f"{segment}\r" for segment in (MSH, *REST))


def er7(*segments: str, msh: str = MSH) -> Er7:
    """The message of MSH and these segments, in UTF-8."""
    return read("".join(f"{segment}\r" for segment in (msh, *segments)).encode(), DEFAULT_LIMITS)


_SCRAPS = [*'|^~\\&\r\n\t .brXZEåA"', "\\X0D\\", "\\.br\\", "\\Z1\\", "PID|"]
NASTY = st.lists(st.sampled_from(_SCRAPS), max_size=6).map("".join)
"""Texts that are made of what has a meaning in a message."""

_PARTS = st.sampled_from(["c1", "c2", "c4", "c4s2", "c9s4", "c12"])
_REPETITIONS = st.dictionaries(_PARTS, NASTY, max_size=3)
FIELDS = st.dictionaries(
    st.sampled_from(["f3", "f4", "f6", "f13", "f30"]), st.lists(_REPETITIONS, max_size=2), max_size=2
)


def _segments(**fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    return FIELDS.map(lambda fields: {**fields, **fixed})


_ONE = [{"c1": "1"}]
_OBSERVATIONS = st.fixed_dictionaries(
    {"OBX": _segments(f1=_ONE)}, optional={"NTE": st.lists(FIELDS, min_size=1, max_size=2)}
)
_GROUPS = st.fixed_dictionaries(
    {"OBR": _segments(f1=_ONE)}, optional={"RESULTS_NOTES": st.lists(_OBSERVATIONS, min_size=1, max_size=2)}
)
_PROVIDERS = st.fixed_dictionaries({"PRD": _segments(f1=[{"c1": "RP"}])})
VALUES = st.fixed_dictionaries(
    {
        "MSH": _segments(f9=[{"c1": "REF", "c2": "I12"}], f10=[{"c1": "M1"}], f12=[{"c1": "2.5.1"}]),
        "PROVIDER_CONTACT": st.lists(_PROVIDERS, min_size=1, max_size=3),
        "PID": _segments(f5=[{"c1": "A"}]),
    },
    optional={"OBSERVATION": st.lists(_GROUPS, min_size=1, max_size=2)},
)
"""Values of REF^I12: what must be there, and anything in the fields."""
