"""The three laws of a lens, for every table, with whatever another system may have put beside our content."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.values.value import read
from ip_fhir.mapping import lens
from ip_fhir.mapping.lenses.table import data_of
from tests.mapping.cases import LINKS, TABLES, Whole, covering, data_for, get, new, put, said, whole_types
from tests.mapping.foreign_content import foreign_entries, marks, woven

EACH = settings(max_examples=12)
every_table = pytest.mark.parametrize("table", TABLES)


@pytest.mark.parametrize("whole", whole_types(), ids=lambda whole: whole.table)
@settings(max_examples=25)
@given(data=st.data())
def test_new_and_get_give_the_same_value(whole: Whole, data: st.DataObject) -> None:
    """A value written to a new resource and read back as its domain type is equal."""
    value = data.draw(whole.values)
    found = lens(whole.table).get(lens(whole.table).new(value, LINKS), LINKS)
    assert read(whole.type, found) == value


@every_table
@EACH
@given(data=st.data())
def test_what_was_written_is_read_back(table: str, data: st.DataObject) -> None:
    """get(put(d, r)) == d: onto nothing, and onto a resource that says something else and has foreign content."""
    before, after = data.draw(data_for(table)), data.draw(data_for(table))
    resource = data.draw(woven(new(table, before)))
    assert get(table, new(table, before)) == said(table, before)
    assert get(table, put(table, after, resource)) == said(table, after)


@every_table
@EACH
@given(data=st.data())
def test_writing_what_was_read_changes_nothing(table: str, data: st.DataObject) -> None:
    """put(get(r), r) == r, and the resource that went in is left as it was."""
    resource = data.draw(woven(new(table, data.draw(data_for(table)))))
    kept = data_of(resource)
    assert lens(table).put(lens(table).get(resource, LINKS), resource, LINKS) == resource
    assert resource == kept


@every_table
@EACH
@given(data=st.data())
def test_the_last_writing_counts(table: str, data: st.DataObject) -> None:
    """put(d2, put(d1, r)) == put(d2, r), whatever the order of entries, where d1 takes nothing away.

    It cannot hold where d1 empties a field or drops an entry of a list: what another system had put *into* that entry
    goes with it, and nobody can bring it back when d2 has the entry again. What holds then is the next test. Nor can
    it where d1 changes the entries of a list without keys: d2 finds other entries to write onto then. And what comes
    new is added at the end of its list, so that the order of extensions tells which was written first.
    """
    first, second, third = (data.draw(data_for(table)) for _ in range(3))
    resource = data.draw(woven(new(table, first)))
    through = put(table, covering(said(table, second), said(table, first)), resource)
    assert unordered(put(table, third, through)) == unordered(put(table, third, resource))


@every_table
@EACH
@given(data=st.data())
def test_foreign_content_survives(table: str, data: st.DataObject) -> None:
    """Where no entry of ours leaves, every foreign piece stays, once; foreign entries keep their order.

    Whatever leaves, foreign entries beside ours in the resource's own lists stay, in order.
    """
    before, after = data.draw(data_for(table)), data.draw(data_for(table))
    resource = data.draw(woven(new(table, before)))
    kept = put(table, covering(said(table, after), said(table, before)), resource)
    assert sorted(marks(kept)) == sorted(marks(resource))
    assert foreign_entries(put(table, after, resource)) == foreign_entries(resource)


def unordered(node: Any) -> Any:
    """The node with its lists sorted."""
    if isinstance(node, dict):
        return {name: unordered(value) for name, value in node.items()}
    if isinstance(node, list):
        return sorted(map(unordered, node), key=lambda item: json.dumps(item, sort_keys=True))
    return node
