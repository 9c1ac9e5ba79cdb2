"""The generated readers of HL7 v2 give what the lenses give, or leave the node to them."""

import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.batch import split
from ip_fhir.hl7v2.message import read
from ip_fhir.mapping import Mapper, default, message_from_hl7v2, message_to_hl7v2
from ip_fhir.mapping.compiled import Compiled
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.generated.node_reader import NOT_SURE
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.overlays.others import with_foreign
from ip_fhir.testing.message_samples import message
from tests.mapping.damage import damaged
from tests.mapping.examples import PLANS, example
from tests.mapping.hl7v2.samples import ANSWER, NOTICE, PERSON, PLAIN, value_of
from tests.support import strategies as make

Value = dict[str, Any]
TABLES = [name for name, table in default().tables.fields.items() if table.dialect == "hl7v2"]
DOUBT = object()


def fast(name: str, node: Any, context: Context, mapper: Mapper | None = None) -> Any:
    """The data by the generated reader; `DOUBT` where it leaves the node to the lens."""
    try:
        return (mapper or default()).compiled.node_readers.functions[name](node, context)
    except NOT_SURE:
        return DOUBT


def by_lens(name: str, node: Any, context: Context, mapper: Mapper | None = None) -> Any:
    """The data by the lens; the error where it refuses the node."""
    try:
        return (mapper or default()).lens(name).get(node, context)
    except InvalidInput as error:
        return error.problems


def objects(node: Any) -> Iterator[Value]:
    """Every object in a value: the message, its groups, segments and repetitions."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(child)


def certain(value: Value) -> int:
    """The number of objects that the reader of some table was certain about; each is read as the lens reads it."""
    context, found = Context.of_message(value), 0
    for name in TABLES:
        for node in objects(value):
            data = fast(name, node, context)
            if data is not DOUBT:
                found += 1
                assert by_lens(name, node, Context.of_message(value)) == (data or {})
    return found


@settings(max_examples=60, deadline=None)
@given(make.messages())
def test_what_we_write_is_read_without_the_lenses(sent: Message) -> None:
    """Any message leaves no doubt: header, notice and form are read as the lenses read them."""
    value = message_to_hl7v2(sent)
    names = ["V2Referral" if value["MSH"]["f9"][0]["c1"] == "REF" else "V2Response"]
    names += ["V2Notice"] if sent.notice else ["V2GreenForm"] if sent.form else []
    for name in names:
        data = fast(name, value, Context.of_message(value))
        assert data is not DOUBT
        assert data == by_lens(name, value, Context.of_message(value))
    certain(value)


@pytest.mark.parametrize("segments", [NOTICE, PLAIN, ANSWER, (*ANSWER, PERSON)])
def test_messages_of_another_system(segments: tuple[str, ...]) -> None:
    """By every table, on the message and on each part of it."""
    assert certain(value_of(*segments)) > len(TABLES)


@pytest.mark.parametrize("number", range(1, len(PLANS) + 1))
def test_every_example_plan(number: int) -> None:
    """The tables of the pathway read each example as the lenses do."""
    assert certain(default().plan_to_hl7v2(example(number)).value) > len(TABLES)


def test_every_sample(shared_data: Path) -> None:
    """Others' messages, as they are: each part of each, by every table."""
    found = 0
    for path in sorted((shared_data / "wires").rglob("*.hl7")):
        try:
            contents = split(path.read_bytes(), DEFAULT_LIMITS).messages
            values = [read(one, DEFAULT_LIMITS, "8859/1").value for one in contents]
        except InvalidInput:
            continue
        found += sum(map(certain, values))
    assert found > 10_000


@settings(max_examples=30, deadline=None)
@given(make.messages(MessageKind.NOTICE), st.integers(0, 2**32))
def test_foreign_content_and_damage(sent: Message, seed: int) -> None:
    """Whatever stands beside, twice, or wrong: the reader says what the lens says, or nothing."""
    whole, chance = with_foreign(message_to_hl7v2(sent), "hl7v2"), random.Random(seed)
    certain(whole)
    for _ in range(10):
        value, context = damaged(damaged(whole, chance), chance), Context()
        for name in ("V2Referral", "V2Notice", "V2Standard"):
            data = fast(name, value, context)
            assert data is DOUBT or by_lens(name, value, Context()) == data


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MessageKind), st.integers(0, 2**32))
def test_errors_are_the_lenses(kind: MessageKind, seed: int) -> None:
    """A message with a fault is refused with the same problems, at the same places, as by lenses alone."""
    value = damaged(message_to_hl7v2(message(kind)), random.Random(seed))
    assert outcome(value, default()) == outcome(value, Mapper(ByLens(default().tables)))


class ByLens(Compiled):
    """The tables with lenses alone."""

    def get(self, name: str, node: Any, links: Links, at: str) -> dict[str, Any]:
        """The data by the lens."""
        return self.lens(name).get(node, links, at)


def outcome(value: Value, mapper: Mapper) -> Any:
    """The message that a mapper reads; the problems where it refuses, or the kind of another error."""
    try:
        return message_from_hl7v2(deepcopy(value), mapper)
    except InvalidInput as error:
        return error.problems
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        return type(error)


def test_what_the_code_does_not_know_the_lens_of_the_row_reads() -> None:
    """A strict row, in a site's tables, is read as by lenses."""
    site = Mapper.load(
        {
            "table": [
                {
                    "name": "V2Notice",
                    "row": [
                        {
                            "domain": "reason",
                            "hl7v2": "OBX[f3~reason@99IP]",
                            "type": "row-words",
                            "strict": True,
                            "law": "the site",
                        }
                    ],
                }
            ]
        }
    )
    assert "lens_V2Notice" in (site.compiled.reader_code("V2Notice") or "")
    value = value_of(*NOTICE)
    data = fast("V2Notice", value, Context.of_message(value), site)
    assert data == by_lens("V2Notice", value, Context.of_message(value), site)
    assert data["reason"].startswith("Slag")
