"""The leaf kinds of HL7 v2: each reads what others write, writes what it reads, and refuses what it cannot know."""

from typing import Any

import pytest

from ip_fhir.errors import MappingError
from ip_fhir.mapping import default
from ip_fhir.mapping.dialects.hl7v2 import conditions
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.dialect import KINDS
from ip_fhir.mapping.dialects.hl7v2.guard import V2Guard
from ip_fhir.mapping.dialects.hl7v2.places import joined
from ip_fhir.mapping.lenses.nodes import Node
from ip_fhir.mapping.lenses.wrong import Wrong
from ip_fhir.mapping.tables.model import Check, Table
from ip_fhir.mapping.tables.paths import Condition, parse_path

LINKS = Context()
TABLES = default().tables


def leaf(kind: str, codes: str = "") -> Node:
    """The lens of a kind, of a code table where it has one."""
    return KINDS[kind].lens(TABLES.codes[codes] if codes else TABLES.systems)


def obx(type_: str, *values: dict[str, str], **more: Any) -> dict[str, Any]:
    """A row."""
    return {"f2": [{"c1": type_}], "f3": [{"c1": "x", "c3": "99IP"}], "f5": list(values), **more}


READ: list[tuple[str, str, Any, Any]] = [
    ("string", "", '""', None),
    ("string", "", "Åse", "Åse"),
    ("indicator", "", "N", False),
    ("indicator", "", "", None),
    ("day", "", "19610214", "1961-02-14"),
    ("day", "", "19610214235959+0100", "1961-02-14"),
    ("day", "", "1961", None),
    ("day", "", '""', None),
    ("moment", "", "20260112", None),
    ("moment", "", "202601121005-0500", "2026-01-12T10:05:00-05:00"),
    ("moment", "", "20260112100500.25+0100", "2026-01-12T10:05:00.250000+01:00"),
    ("moment", "", "20260112100500123", "2026-01-12T10:05:00+01:00"),
    ("code", "gender-v2", "A", "other"),
    ("code", "gender-v2", '""', None),
    ("concept", "urgency-v2", {"c1": "S"}, "urgent"),
    ("concept", "urgency-v2", {"c1": "S", "c3": "HL70280"}, "urgent"),
    ("concept", "urgency-v2", {"c1": "S", "c3": "99LOCAL"}, None),
    ("concept", "urgency-v2", {"c1": "x", "c3": "L", "c4": "A", "c6": "0280"}, "urgent"),
    ("concept", "urgency-v2", {"c1": '""'}, None),
    ("concept", "notice-kind", {"c1": "plan", "c3": "99IP"}, "plan"),
    ("concept", "relationship-v2", {"c1": "EMC", "c3": "HL70063"}, None),
    ("row-words", "", obx("TX", {"c1": "en"}, {"c1": "to"}), "en\nto"),
    ("row-words", "", obx("ST", {"c1": '""'}), None),
    ("row-number", "", obx("NM", {"c1": "3"}), 3),
    ("row-yes-no", "", obx("CWE", {"c1": "Y"}), True),
    ("row-concept", "missing", obx("ST", {"c1": "wish"}), "wish"),
    ("row-document", "", obx("RP", {"c1": "https://a.example", "c3": "IM", "c4": "JPG"}),
     {"title": "x", "content_type": "image/jpeg", "url": "https://a.example"}),
    ("row-document", "", obx("ED", {"c2": "TEXT", "c3": "HTML", "c4": "Base64", "c5": "PHA+"}),
     {"title": "x", "content_type": "text/html", "data": "PHA+"}),
    ("person-name", "", [{"c1": "A", "c7": "A"}, {"c1": "Å", "c2": "B", "c3": "C", "c7": "L"}],
     {"family": "Å", "given": "B C"}),
    ("person-name", "", [{"c1": "M", "c7": "M"}], None),
    ("home-address", "", [{"c1": "Vei 1", "c2": "H0201\nc/o", "c7": "H"}], {"lines": ["Vei 1", "H0201", "c/o"]}),
    ("home-contact", "", {"c1": "a@b.example"}, {"system": "email", "value": "a@b.example"}),
    ("home-contact", "", {"c2": "PRN", "c3": "PH", "c5": "47", "c6": "22", "c7": "33"},
     {"system": "phone", "value": "+47 22 33"}),
    ("home-contact", "", {"c3": "PH", "c7": "33", "c8": "9"}, {"system": "phone", "value": "33 x9"}),
    ("home-contact", "", {"c3": "FX", "c12": "33"}, None),
    ("home-contact", "", {"c3": "CP", "c12": "33"}, {"system": "phone", "value": "33"}),
    ("home-contact", "", {"c3": "Internet", "c4": "www.b.example"}, {"system": "url", "value": "www.b.example"}),
    ("person-id", "", [{"c1": "05827500285", "c5": "NNNOR"}], "05827500285"),
    ("person-id", "", [{"c1": "05827500285", "c5": "NNNOR", "c8": "2020"}], None),
    ("facility", "", {"c1": "x", "c2": "2.16.578.1.12.4.1.2.90000101"}, "her-id|90000101"),
    ("facility", "", {"c1": "x", "c2": "1.2.36"}, None),
    ("unit-her-id", "", {"c4s2": "2.16.578.1.12.4.1.4.101.312012340"}, None),
    ("hpr-number", "", {"c1": "990000187", "c2": "HPR"}, "990000187"),
    ("hpr-number", "", {"c1": "990000187", "c2": "HPR", "c3": "1.2.3"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "codes", "node", "value"), READ)
def test_read_and_written_back(kind: str, codes: str, node: Any, value: Any) -> None:
    """What another system writes is read; written anew it is read as the same."""
    lens = leaf(kind, codes)
    assert lens.get(node, LINKS) == value
    assert lens.owns(node) is (value is not None) or kind in ("day", "moment", "concept")
    if value is not None:
        assert lens.get(lens.put(value, None, LINKS), LINKS) == value


REFUSED: list[tuple[str, str, Any]] = [
    ("string", "", 7),
    ("indicator", "", "J"),
    ("day", "", "196102"[:5]),
    ("day", "", "19610231"),
    ("moment", "", "2026-01-12"),
    ("moment", "", "20260112250000"),
    ("moment", "", "20260112100000+9900"),
    ("code", "gender-v2", "X"),
    ("concept", "urgency-v2", {"c1": "Z", "c3": "HL70280"}),
    ("concept", "urgency-v2", {"c1": "R", "c3": "0280", "c4": "S", "c6": "0280"}),
    ("row-number", "", obx("NM", {"c1": "3.5"})),
    ("row-words", "", obx("TX", {"c1": "x"}, f11=[{"c1": "D"}])),
    ("row-concept", "notice-kind", obx("CWE", {"c1": "x", "c3": "L"})),
    ("row-day", "", obx("DT", {"c1": "20260101"}, {"c1": "20260102"})),
    ("row-document", "", obx("ED", {"c2": "application", "c3": "pdf", "c4": "Hex", "c5": "00"})),
    ("person-id", "", [{"c1": "05827500285", "c5": "NNNOR"}, {"c1": "17851950222", "c5": "NNNOR"}]),
]


@pytest.mark.parametrize(("kind", "codes", "node"), REFUSED)
def test_what_is_refused(kind: str, codes: str, node: Any) -> None:
    """Never guessed, and the value itself is not told."""
    with pytest.raises(Wrong) as caught:
        leaf(kind, codes).get(node, LINKS)
    assert "05827500285" not in caught.value.reason


NOT_WRITTEN: list[tuple[str, Any, Any]] = [
    ("home-address", {"lines": ["en\nto"]}, None),
    ("person-name", None, [{"c1": "A", "c7": "L"}, {"c1": "B", "c7": "L"}]),
    ("person-id", "1", None),
    ("person-id", None, [{"c1": "17851950222", "c4s2": "2.16.578.1.12.4.1.4.2"}, {"c1": "05827500285", "c5": "NNNOR"}]),
]


@pytest.mark.parametrize(("kind", "value", "node"), NOT_WRITTEN)
def test_what_cannot_be_written(kind: str, value: Any, node: Any) -> None:
    """A value that would be read back as another, and one whose removal would show another."""
    with pytest.raises(Wrong):
        leaf(kind).put(value, node, LINKS)


def test_removing_leaves_what_others_put_there() -> None:
    """A row, a location and a number go; what another system added stays."""
    row = obx("TX", {"c1": "x"}, f14=[{"c1": "20260101"}])
    assert leaf("row-words").put(None, row, LINKS) == {"f3": row["f3"], "f14": row["f14"]}
    titled = obx("ED", {"c2": "a", "c3": "b", "c4": "Base64", "c5": "AAAA"}, f3=[{"c1": "x", "c2": "Title"}])
    assert leaf("row-document").put(None, titled, LINKS) == {"f3": [{"c1": "x"}]}
    assert leaf("unit-her-id").put(None, {"c4s2": "2.16.578.1.12.4.1.2.1", "c9": "Enhet"}, LINKS) == {"c9": "Enhet"}
    assert leaf("hpr-number").put(None, {"c1": "9", "c2": "HPR"}, LINKS) == {"c2": "HPR"}
    assert leaf("person-id").put(None, [{"c1": "05827500285", "c5": "NNNOR"}, {"c1": "4"}], LINKS) == [{"c1": "4"}]
    assert leaf("home-contact").put(None, {"c12": "1"}, LINKS) is None
    assert leaf("present").put(False, {"c1": "N"}, LINKS) is None


def test_what_is_told() -> None:
    """A month for a day, and digits after the seconds."""
    assert [*leaf("day").tells("196102", LINKS, ("f7",))] != []
    assert [*leaf("moment").tells("20260112100500123", LINKS, ("f7",))] != []
    assert [*leaf("moment").tells("20260112100500", LINKS, ("f7",))] == []


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        (["REF_I12", "PID", "f3", "[1]", "c1"], "PID-3[2].1"),
        (["REF_I12", "PROVIDER_CONTACT", "[1]", "PRD", "f4", "[0]", "c4s2"], "PRD[2]-4.4.2"),
        (["REF_I12", "NK1", "[2]", "f2"], "NK1[3]-2"),
        (["REF_I12", "OBSERVATION", "[0]", "RESULTS_NOTES", "[4]"], "OBX[5]-5"),
        (["REF_I12", "OBSERVATION", "[99IP]", "RESULTS_NOTES", "[reason]", "OBX"], "OBX[reason]-5"),
        (["REF_I12"], "REF_I12"),
    ],
)
def test_places(steps: list[str], place: str) -> None:
    """As users of HL7 v2 name them; numbers count from 1."""
    assert joined(steps) == place


def test_conditions() -> None:
    """A code in any repetition, a component, a field that says something or nothing."""
    segment = {"f1": [{"c1": "AP"}, {"c1": "RP", "c3": "HL70286"}], "f2": [{"c1": '""'}], "f3": [{"c1": "x"}]}
    for written, holds in (
        ("f1~RP@0286", True),
        ("f1~RT@0286", False),
        ("f2=*", False),
        ("f2!=*", True),
        ("f3.c1=x", True),
    ):
        (condition,) = parse_path(f"PRD[{written}]")[0].conditions
        assert conditions.test(condition)(segment) is holds, written
    (condition,) = parse_path("PRD[f3!=x]")[0].conditions
    assert conditions.test(condition)({"f3": "y"})
    assert conditions.fixed(parse_path("PRD[f1~RP@0286]")[0].conditions[0]) == {
        "f1": [{"c1": "RP", "c2": "Referring Provider", "c3": "HL70286"}]
    }


@pytest.mark.parametrize("condition", [Condition("flag", "x"), Condition("coding", "f1", "RP")])
def test_a_condition_that_hl7v2_has_not(condition: Condition) -> None:
    """A flag, and a code without its table, are refused when tables are loaded."""
    with pytest.raises(MappingError):
        conditions.test(condition)


@pytest.mark.parametrize("kind", ["order", "never"])
def test_a_check_that_hl7v2_has_not(kind: Any) -> None:
    """Refused when tables are loaded."""
    with pytest.raises(MappingError):
        V2Guard(Table("T", "Notice", None, (), checks=(Check("f1", ("f1",), kind, ("x",)),)))


def test_a_guard_leaves_what_is_others() -> None:
    """`some` with `left`: a segment without one of the codes is not ours; `refuse`: nothing may stand there."""
    left = V2Guard(Table("T", "Notice", None, (), checks=(Check("f1", ("f1",), "some", ("RP@0286",), left=True),)))
    assert left.owns({"f1": [{"c1": "RP"}]})
    assert not left.owns({"f1": [{"c1": "PP"}]})
    refused = V2Guard(Table("T", "Notice", None, (), checks=(Check("f9", ("f9",), "refuse", told="no"),)))
    with pytest.raises(Wrong, match="no"):
        refused.check({"f9": [{"c1": "x"}]})
    assert refused.rank({}) == 0


def test_the_night_when_clocks_are_changed() -> None:
    """A time without an offset that the clock skips is refused; one that comes twice is the first, and that is told."""
    with pytest.raises(Wrong, match="skips"):
        leaf("moment").get("20260329023000", LINKS)
    assert leaf("moment").get("20261025023000", LINKS) == "2026-10-25T02:30:00+02:00"
    told = [*leaf("moment").tells("20261025023000", LINKS, ("f7",))]
    assert told == [(("f7",), "has no offset and comes twice that night: read as the first")]
    assert [*leaf("moment").tells("20261025033000", LINKS, ("f7",))] == []
