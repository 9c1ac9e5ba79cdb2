"""What generated writers make, and how it becomes JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import product
from types import SimpleNamespace

import orjson
import pytest

from ip_fhir.domain.values.ids import HprNumber, PersonId
from ip_fhir.mapping import default
from ip_fhir.mapping.generated import decoding as shapes
from ip_fhir.mapping.generated.structs import Structs, WrittenReference, known_lists, ready, write_json
from ip_fhir.mapping.lenses.references import Links


def test_what_is_none_is_left_out() -> None:
    """A member that is None does not stand in the JSON; one that is false or empty does."""
    structs = Structs()
    new = structs.types[structs.name(["text", "flag", "items", "for"])]
    assert orjson.loads(write_json(new(None, False, [], "x"))) == {"flag": False, "items": [], "for": "x"}


def test_names_tell_types_apart() -> None:
    """Two lists of members never share a type, whatever their names; the same list does."""
    structs = Structs()
    names = [structs.name(members, tag) for members, tag in ((["a"], "Task"), (["b"], "Task"), (["a", "b"], ""))]
    assert len(set(names)) == len(names)
    assert structs.name(["a", "b"]) == names[-1]
    assert orjson.loads(write_json(structs.types[names[1]]("x"))) == {"resourceType": "Task", "b": "x"}


def test_days_moments_and_numbers_of_registers() -> None:
    """They are written as FHIR writes them; what has no JSON is refused, without showing it."""
    moment = datetime(2026, 1, 12, 8, tzinfo=UTC)
    assert write_json([date(2026, 1, 12), moment, HprNumber("9000000")]) == (
        b'["2026-01-12","2026-01-12T08:00:00Z","9000000"]'
    )
    with pytest.raises(TypeError, match="no JSON for a complex"):
        write_json([1j])


def test_known_lists_are_bounded() -> None:
    """However many lists come, a bounded number is kept; an empty one is none; an unknown word is an error."""
    known = known_lists({word: ready(word) for word in "abcd"})
    kept = 0
    for words in product("abcd", repeat=7):
        assert [bytes(piece) for piece in known[words]] == [f'"{word}"'.encode() for word in words]
        kept = max(kept, len(known))
    assert kept == shapes._MOST < 4**7
    assert known[()] is None
    with pytest.raises(KeyError):
        known["x",]


@pytest.mark.parametrize("person", [None, "p1"])
@pytest.mark.parametrize("number", [None, "05827500285"])
@pytest.mark.parametrize("sender", [None, "hospital"])
@pytest.mark.parametrize("sender_number", [None, "urn:oid:2.16.578.1.12.4.1.2|80001"])
def test_number_beside_a_reference(
    person: str | None, number: str | None, sender: str | None, sender_number: str | None
) -> None:
    """`for.identifier`, a member beside `for.reference`, is written as by the lens, with the reference and without."""
    compiled = default().compiled
    references = {"p1": "Patient/p1", "hospital": "Organization/hospital", "r1": "ServiceRequest/r1"}
    said = dict.fromkeys((row.field for row in compiled.tables.fields["Task"].rows), None) | {
        "id": "r1-1", "correlation_id": "r1", "status": "received", "focus": "r1", "person": person,
        "person_number": number, "sender": sender, "sender_number": sender_number,
    }  # fmt: skip
    by_lens = compiled.lens("Task").new(said, Links(references))
    links: dict[str | None, WrittenReference | None] = {None: None}
    links |= {ident: WrittenReference(reference) for ident, reference in references.items()}
    value = SimpleNamespace(**{**said, "person_number": number and PersonId(number)})
    assert orjson.loads(write_json(compiled.writer("Task")(value, links, WrittenReference("Patient/p1")))) == by_lens
