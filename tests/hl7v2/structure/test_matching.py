"""The matcher: each segment at its place, what is near enough told, what has no place refused."""

import sys

import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.structure.events import STRUCTURES, is_before, structure_of
from ip_fhir.hl7v2.structure.fields import rules_of
from ip_fhir.hl7v2.structure.grammar import data_of, grammar_of
from ip_fhir.hl7v2.structure.matching import Matched, SegmentNames, match

REF = "MSH RF1 PRD PRD PID"


def matched(names: str, structure: str = "REF_I12") -> Matched:
    """The segments of that order in a structure."""
    return match(SegmentNames(names.split()), grammar_of(structure))


def told(names: str, structure: str = "REF_I12") -> list[tuple[str, str]]:
    """The places and severities of what is wrong."""
    return [(problem.path, problem.severity) for problem in matched(names, structure).problems]


def test_segments_go_to_their_groups() -> None:
    """Groups open with their first segment, and repeat with it; a note belongs to what stands before it."""
    assert matched(f"{REF} NK1 NK1 OBR NTE OBX NTE OBX OBR PV1 PV2 NTE").tree == {
        "MSH": 0,
        "RF1": 1,
        "PROVIDER_CONTACT": [{"PRD": 2}, {"PRD": 3}],
        "PID": 4,
        "NK1": [5, 6],
        "OBSERVATION": [
            {"OBR": 7, "NTE": [8], "RESULTS_NOTES": [{"OBX": 9, "NTE": [10]}, {"OBX": 11}]},
            {"OBR": 12},
        ],
        "PATIENT_VISIT": {"PV1": 13, "PV2": 14},
        "NTE": [15],
    }


def test_plans_nest_goals_needs_and_measures() -> None:
    """A role or a note belongs to the innermost group that has room for it."""
    tree = matched("MSH PID PTH NTE ROL GOL NTE ROL VAR OBX PRB ROL ORC OBR OBX GOL", "PPG_PCG").tree
    assert tree["PATHWAY"] == [
        {
            "PTH": 2,
            "NTE": [3],
            "PATHWAY_ROLE": [{"ROL": 4}],
            "GOAL": [
                {
                    "GOL": 5,
                    "NTE": [6],
                    "GOAL_ROLE": [{"ROL": 7, "VAR": [8]}],
                    "GOAL_OBSERVATION": [{"OBX": 9}],
                    "PROBLEM": [{"PRB": 10, "PROBLEM_ROLE": [{"ROL": 11}]}],
                    "ORDER": [{"ORC": 12, "ORDER_DETAIL": {"OBR": 13, "ORDER_OBSERVATION": [{"OBX": 14}]}}],
                },
                {"GOL": 15},
            ],
        }
    ]


def test_each_alternative_opens_a_group_of_its_own() -> None:
    """Where one of several may stand, another one begins the next group."""
    tree = matched("MSH PID PV1 GOL ROL PRD VAR", "CCM_I21").tree
    assert tree["GOAL"] == [{"GOL": 3, "ROLE_GOAL": [{"ROL": 4}, {"PRD": 5, "VAR": [6]}]}]


@pytest.mark.parametrize(
    ("names", "structure", "late"),
    [
        ("MSH PRD PRD PID RF1 OBR", "RRI_I12", "RF1"),
        ("MSH PRD RF1 PRD PID", "REF_I12", "RF1"),
        (f"{REF} PV1 OBR OBX", "REF_I12", "OBR"),
        (f"{REF} PV1 NK1 OBR", "REF_I12", "NK1"),
        ("MSH RF1 PID PRD OBR", "REF_I12", "PRD"),
    ],
)
def test_what_stands_late_is_put_at_its_place_and_told(names: str, structure: str, late: str) -> None:
    """RF1 after PID, PRD before RF1, PV1 before OBR: read, with a warning."""
    found = matched(names, structure)
    assert [(problem.path, problem.severity) for problem in found.problems] == [(late, "warning")]
    assert not found.unknown


@pytest.mark.parametrize(
    ("names", "problems"),
    [
        (f"{REF} PID", [("PID[2]", "error")]),
        ("MSH RF1 RF1 PRD PID", [("RF1[2]", "error")]),
        (f"{REF} PV1 OBR PV1", [("OBR", "warning"), ("PV1[2]", "error")]),
        (f"{REF} OBX", [("OBX", "error")]),
        (f"{REF} OBR PV2", [("PV2", "error")]),
        ("MSH RF1 PRD", [("PID", "error")]),
        ("MSH", [("PRD", "error"), ("PID", "error")]),
        (f"{REF} ZZZ QRD", [("QRD", "warning")]),
    ],
)
def test_what_has_no_place_or_is_missing_is_an_error(names: str, problems: list[tuple[str, str]]) -> None:
    """A second PID, an OBX astray, no PID; an unknown segment is left out of the structure and told, Z ones are not."""
    assert told(names) == problems


def test_parts_of_a_group_that_are_missing_are_named_with_the_group() -> None:
    """Within a group too, a required segment is asked for."""
    problems = matched("MSH PID PV1 ORC RXO CTI", "CCM_I21").problems
    assert [(str(problem), problem.code) for problem in problems] == [
        ("RXR: is missing in MEDICATION_ORDER_DETAIL", "required")
    ]


def test_every_structure_of_the_events_has_a_grammar() -> None:
    """Each begins with MSH; all but the acknowledgement are about a patient."""
    for structure in {*STRUCTURES.values(), "ACK"}:
        grammar = grammar_of(structure)
        assert grammar.members[0].name == "MSH"
        assert ("PID" in grammar.segments) is (structure != "ACK")


def test_events_name_their_structure() -> None:
    """REF and RRI I12 to I15 use I12's, the plan's events the first of theirs; an ACK has one for all events."""
    assert {structure_of("REF", event) for event in ("I12", "I13", "I14", "I15")} == {"REF_I12"}
    assert {structure_of("PPG", event) for event in ("PCG", "PCH", "PCJ")} == {"PPG_PCG"}
    assert structure_of("PPP", "PCD") == "PPP_PCB"
    assert structure_of("ACK", "I14") == structure_of("ACK", "") == "ACK"
    assert structure_of("REF", "I16") == structure_of("ADT", "A01") == ""


def test_versions_have_an_order() -> None:
    """2.10 would not come before 2.9, nor does 2.5.1 before 2.5."""
    assert is_before("2.3.1", "2.4")
    assert not is_before("2.5.1", "2.5")


def test_a_structure_that_a_version_lacks_is_refused() -> None:
    """Care plan messages came with 2.7."""
    with pytest.raises(InvalidInput, match=r"^MSH-9: is not in this version"):
        grammar_of("CCM_I21", "2.5.1")
    assert rules_of("ZZZ", "2.5.1") == ()


def test_the_package_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hl7apy there is no grammar, and the error says what to install."""
    monkeypatch.setitem(sys.modules, "hl7apy.v2_4.messages", None)
    with pytest.raises(InvalidInput, match=r"need ip-fhir\[hl7v2\]"):
        data_of("2.4")
