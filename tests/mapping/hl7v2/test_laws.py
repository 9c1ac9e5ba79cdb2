"""The laws of the lenses for the tables of HL7 v2, also with parts of another system beside ours."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default
from ip_fhir.mapping.dialects.hl7v2.codes import Coded
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.dialect import V2
from ip_fhir.mapping.dialects.hl7v2.rows import Concept
from ip_fhir.mapping.hl7v2.echoes import spread
from ip_fhir.mapping.lenses.building import Builder
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.lenses.wrong import Wrong
from ip_fhir.mapping.overlays.laws import broken_laws
from ip_fhir.mapping.overlays.others import with_foreign
from ip_fhir.mapping.tables.model import Row
from tests.mapping.hl7v2.samples import NOTICE, value_of
from tests.support import strategies as make

TABLES = {name: table for name, table in default().tables.fields.items() if table.dialect == "hl7v2"}
BUILDER = Builder(default().tables, V2, {name: default().lens(name).inner for name in TABLES})
EACH = settings(max_examples=25)
NOTICES = make.notices().map(lambda notice: spread(data_of(notice)))
FORMS = make.green_forms().map(lambda form: spread(data_of(form)))


def test_the_laws_hold_for_made_up_values() -> None:
    """Every table of HL7 v2, every word of its code tables, every field filled, and as few as possible."""
    rows = {name: [row.field for row in table.rows] for name, table in TABLES.items()}
    assert list(broken_laws(default().tables, rows, ())) == []
    assert len(TABLES) > 12


def _without_nothing(value: Any) -> Any:
    """The value without what says nothing: None, empty lists and objects."""
    if isinstance(value, dict):
        return {k: kept for k, inner in value.items() if (kept := _without_nothing(inner)) not in (None, [], {})}
    return [_without_nothing(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("table", "drawn"), [("V2Notice", NOTICES), ("V2GreenForm", FORMS)])
@EACH
@given(data=st.data())
def test_what_was_written_is_read_back(table: str, drawn: st.SearchStrategy[Any], data: st.DataObject) -> None:
    """get(put(d, r)) == d, onto nothing and onto another's message with foreign content."""
    lens, first, second = default().lens(table), data.draw(drawn), data.draw(drawn)
    known = {row.domain[0] for row in TABLES[table].rows}
    for said, onto in ((first, {}), (second, with_foreign(lens.new(first, Context()), "hl7v2"))):
        found = lens.get(lens.put(said, onto, Context()), Context())
        wanted = {name: value for name, value in said.items() if name in known}
        assert _without_nothing(_bare(found)) == _without_nothing(_bare(wanted))


def _bare(data: dict[str, Any]) -> dict[str, Any]:
    """The data without the fields of persons that other places have."""
    left = ("protection", "mandate")
    made = {**data}
    for name in ("related_persons", "professionals"):
        made[name] = [{k: v for k, v in person.items() if k not in left} for person in data.get(name, ())]
    return made


@pytest.mark.parametrize(("table", "drawn"), [("V2Notice", NOTICES), ("V2GreenForm", FORMS)])
@EACH
@given(data=st.data())
def test_writing_what_was_read_changes_nothing(table: str, drawn: st.SearchStrategy[Any], data: st.DataObject) -> None:
    """put(get(r), r) == r, whatever else is in r."""
    lens = default().lens(table)
    there = with_foreign(lens.new(data.draw(drawn), Context()), "hl7v2")
    assert lens.put(lens.get(there, Context()), there, Context()) == there


@pytest.mark.parametrize("table", ["V2Notice", "V2Referral", "V2Standard"])
def test_another_systems_message_stays_as_it_is(table: str) -> None:
    """put(get(r), r) == r for a message that we did not write."""
    lens, there = default().lens(table), value_of(*NOTICE)
    context = Context.of_message(there)
    assert lens.put(lens.get(there, context), there, context) == there


def test_a_change_touches_only_its_field() -> None:
    """The reason alone becomes another; all other segments are the same objects."""
    lens, there = default().lens("V2Notice"), value_of(*NOTICE)
    context = Context.of_message(there)
    changed = lens.put({**lens.get(there, context), "reason": "Noe annet"}, there, context)
    assert [name for name in there if changed[name] is not there[name]] == ["OBSERVATION"]
    (before,), (after,) = there["OBSERVATION"][0]["RESULTS_NOTES"], changed["OBSERVATION"][0]["RESULTS_NOTES"]
    assert after["OBX"] == {**before["OBX"], "f5": [{"c1": "Noe annet"}]}


def test_groups_change_their_order_and_number() -> None:
    """Groups are numbered in their order, also where one leaves and others change places."""
    lens = default().lens("V2Notice")
    needs = [{"id": f"need-{n}", "text": f"Behov {n}"} for n in range(3)]
    base = {"correlation_id": "loop", "needs": needs}
    there = lens.new(base, Context())
    for wanted in (needs[::-1], [needs[2], needs[0]], [needs[1]], [*needs, {"id": "new", "text": "Nytt"}], []):
        changed = lens.put({**base, "needs": wanted}, there, Context())
        assert lens.get(changed, Context()).get("needs", []) == wanted
        rows = changed.get("OBSERVATION", [{}])[0].get("RESULTS_NOTES", [])
        labels = {row["OBX"]["f4"][0]["c1"] for row in rows}
        assert labels == {f"need.{n}" for n in range(1, len(wanted) + 1)}


def test_places_below_a_group() -> None:
    """The row of a field in a group is counted among all rows; what is not there yet is named by its code."""
    lens = default().lens("V2Notice")
    there = lens.new({"correlation_id": "x", "reason": "Slag", "needs": [{"id": "a", "text": "A"}]}, Context())
    assert lens.where("needs.0.text", there) == "OBX[2]-5"
    assert lens.where("needs.0.area", there) == "OBX[need-area]-5"
    assert lens.where("needs.7", there) == "OBX-5"
    broken = there["OBSERVATION"][0]["RESULTS_NOTES"][1]["OBX"] | {"f5": [{"c1": 7}]}
    rows = [there["OBSERVATION"][0]["RESULTS_NOTES"][0], {"OBX": broken}]
    with pytest.raises(InvalidInput) as caught:
        lens.get({**there, "OBSERVATION": [{**there["OBSERVATION"][0], "RESULTS_NOTES": rows}]}, Context())
    assert [problem.path for problem in caught.value.problems] == ["OBX[2]-5"]


def test_the_places_that_are_read() -> None:
    """Each place of a row is read once; a foreign row is not."""
    lens = default().lens("V2Notice").inner
    there = lens.put_new({"correlation_id": "x", "needs": [{"id": "a", "text": "A"}]}, {}, Context())
    foreign = {"OBX": {"f3": [{"c1": "8867-4", "c3": "LN"}], "f5": [{"c1": "72"}]}}
    rows = [*there["OBSERVATION"][0]["RESULTS_NOTES"], foreign]
    there = {**there, "OBSERVATION": [{**there["OBSERVATION"][0], "RESULTS_NOTES": rows}]}
    read = set(lens.reads(there, Context(), ()))
    numbers = {path[3] for path in read if len(path) > 3 and path[2] == "RESULTS_NOTES"}
    assert numbers == {0, 1}
    assert list(lens.tells(there, Context(), ())) == []
    assert lens.telling


CODED = [(name, row) for name, table in TABLES.items() for row in table.rows if row.coded]


@pytest.mark.parametrize(("name", "row"), [pytest.param(*one, id=f"{one[0]}-{one[1].field}") for one in CODED])
def test_no_row_is_silent_about_a_code_that_it_does_not_know(name: str, row: Row) -> None:
    """Refused, told, or left in a repetition that others use too: by any coding system, and by none."""
    leaf = BUILDER.leaf(row)
    (lens,) = (one for one in default().lens(name).inner.fields if one.row.domain == row.domain)
    for node in _unknown(leaf):
        if row.path[-1].entries == "own" and not leaf.owns(node):
            continue  # the repetition is another's
        refused, word = _refused_or_read(leaf, node)
        assert word is None
        assert refused or (lens.telling and list(leaf.tells(node, Context(), ("f1",))))


def _refused_or_read(leaf: Any, node: Any) -> tuple[bool, Any]:
    """True if the leaf refuses the code of a node; and the word that it reads."""
    try:
        return False, leaf.get(node, Context())
    except Wrong as wrong:
        return wrong.code == "code-invalid", None


def _unknown(leaf: Any) -> Iterator[Any]:
    """Nodes with a code of no table: bare, of each coding system of the leaf, and of another one."""
    coded = leaf.inner if isinstance(leaf, Concept) else leaf
    if not isinstance(coded, Coded):
        yield {"f5": [{"c1": "no-such"}]} if isinstance(leaf, Concept) else "no-such"
        return
    for system in ("", "99LOCAL", *coded.systems):
        node = {"c1": "no-such", "c3": system} if system else {"c1": "no-such"}
        for one in (node, {"c2": "Noe", **{f"c{int(part[1:]) + 3}": text for part, text in node.items()}}):
            yield {"f5": [one]} if isinstance(leaf, Concept) else one
