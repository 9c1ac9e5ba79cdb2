"""Any message comes back to the byte, any value as it was written, and any damage is refused with its place."""

import copy
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.hl7v2.places import place_of
from ip_fhir.hl7v2.structure.grammar import grammar_of
from ip_fhir.hl7v2.structure.placing import said
from tests.hl7v2.messages import NASTY, NOTICE, VALUES

REF = grammar_of("REF_I12")
_SCRAPS = [*"|^~\\&\t \n.AåXZ0", "\\X41\\", "\\.br\\", "\\Z1\\", '""']
_RAW = st.lists(st.sampled_from(_SCRAPS), max_size=20).map("".join)


@given(st.lists(_RAW, max_size=6), st.sampled_from(["OBX", "ZZZ", "NTE"]), st.sampled_from(["\r", ""]))
def test_any_message_comes_back_to_the_byte(fields: list[str], name: str, last: str) -> None:
    """Whatever stands in a field, writing what was read changes no byte."""
    text = "|".join(["OBR|1\r" + name, *fields])
    content = f"{NOTICE}{text}{last}".encode()
    message = read(content, DEFAULT_LIMITS)
    assert message.to_bytes() == content
    assert message.put(message.value).to_bytes() == content
    assert message.put(copy.deepcopy(message.value)).to_bytes() == content


@given(VALUES)
def test_any_value_is_read_back_as_it_was_written(value: dict[str, Any]) -> None:
    """Texts with delimiters, escapes and line ends come back; nothing ends a segment but its end."""
    message = new(value)
    wanted = said(value, REF)
    wanted["MSH"] = {**wanted["MSH"], **{field: message.value["MSH"][field] for field in ("f1", "f2", "f18")}}
    assert message.value == wanted
    assert message.to_bytes().count(b"\r") == len(message.segments)
    assert not set(message.to_bytes()) & {*range(13), *range(14, 32), 127}


@given(VALUES, VALUES)
def test_one_value_is_put_over_another(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What was put is read; to put it twice changes nothing more; to put the first back gives the first's value."""
    message = new(before)
    head = {field: message.value["MSH"][field] for field in ("f1", "f2", "f18")}
    wanted = {**after, "MSH": {**after["MSH"], **head}}
    changed = message.put(wanted)
    assert changed.value == said(wanted, REF)
    assert changed.put(wanted) is changed
    assert changed.put(message.value).value == message.value


@given(st.binary(max_size=3), st.integers(0, len(NOTICE.encode())), st.integers(0, 3))
@example(b"\x0b", 40, 0)
@example(b"\xf8", 160, 0)
@example(b"\r", 5, 0)
@example(b"", 0, 3)
def test_any_damage_is_read_or_refused(put_in: bytes, at: int, left_out: int) -> None:
    """Bytes put in or left out anywhere: the message is read, to the byte, or refused with places. Nothing else."""
    content = NOTICE.encode()
    content = content[:at] + put_in + content[at + left_out :]
    problems: tuple[Problem, ...] = ()
    try:
        message = read(content, DEFAULT_LIMITS)
    except InvalidInput as refused:
        problems = refused.problems
    else:
        assert message.to_bytes() == content
        assert not message.event[2] or message.put(message.value).to_bytes() == content
        problems = message.warnings
    assert all(place_of(problem.path) or problem.path.startswith("segment ") for problem in problems)


@given(st.binary(max_size=60))
def test_anything_else_is_refused(content: bytes) -> None:
    """Bytes that are no message are refused, and by nothing but `InvalidInput`."""
    for start in (b"", rb"MSH|^~\&|"):
        with suppress(InvalidInput):
            assert read(start + content, DEFAULT_LIMITS).event == ("", "", "")


@given(NASTY)
def test_no_text_ends_a_segment(text: str) -> None:
    """A name with CR, or with any delimiter, stays one component of one field (segment injection)."""
    message = read(NOTICE.encode(), DEFAULT_LIMITS)
    value = copy.deepcopy(message.value)
    value["PID"]["f5"][0]["c1"] = f"a{text}"
    changed = message.put(value)
    assert len(changed.segments) == len(message.segments)
    assert changed.field("PID-5.1") == f"a{text}"
    assert changed.field("PID-5.2") == "Håvard"
