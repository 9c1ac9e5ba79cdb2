"""The generated reader of notices reads what the lenses read, or leaves it to them."""

import random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Mapper, default, message_from_fhir, message_to_fhir
from ip_fhir.mapping.bundle.reads import LensesNeeded
from tests.mapping.damage import damaged
from tests.mapping.foreign_content import woven
from tests.support.strategies import messages
from tests.support.two_sides import notice as example

JSON = dict[str, Any]


def fast(bundle: JSON) -> Notice | None:
    """The notice by the generated reader; None where it stands down."""
    reader = default().compiled.fast_notices
    assert reader is not None, "the tables as they ship have one"
    try:
        found = reader.read(orjson.dumps(bundle))
    except LensesNeeded:
        return None
    assert isinstance(found, Notice)
    return found


def slowly(bundle: JSON) -> Notice | None:
    """The notice by the lenses; None where they refuse."""
    try:
        return default().compiled.assembly("notice").value(Notice, bundle)
    except InvalidInput:
        return None


def bundle_of(number: str, mapper: Mapper | None = None) -> JSON:
    """An example notice as a message."""
    return message_to_fhir(Message.of_notice(example(number), "m"), mapper)


@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05"])
def test_the_examples_need_no_lens(number: str) -> None:
    """Each is read as the notice that was written."""
    bundle = bundle_of(number)
    assert fast(bundle) == slowly(bundle) == example(number)


def test_tables_without_a_reader() -> None:
    """Those of R5 have rows that only lenses can read: its messages are read by them."""
    mapper = default("R5")
    assert mapper.compiled.fast_notices is None
    assert message_from_fhir(bundle_of("03", mapper), mapper).notice == example("03")


@settings(max_examples=60)
@given(messages(MessageKind.NOTICE))
def test_what_we_write_is_read_without_the_lenses(message: Message) -> None:
    """Any notice."""
    assert fast(message_to_fhir(message)) == message.notice


@settings(max_examples=60)
@given(messages(MessageKind.NOTICE), st.integers(0, 2**32))
def test_damage_is_never_read_over(message: Message, seed: int) -> None:
    """Whatever is changed in a message: what the reader gives, the lenses give; what they refuse, it refuses."""
    chance, bundle = random.Random(seed), message_to_fhir(message)
    for _ in range(20):
        changed = damaged(bundle, chance)
        found = fast(changed)
        assert found is None or found == slowly(changed)


@settings(max_examples=40)
@given(messages(MessageKind.NOTICE), st.data())
def test_what_others_add_changes_nothing(message: Message, data: st.DataObject) -> None:
    """Other systems' elements among ours: it is read as the lenses read it, or left to them."""
    bundle = message_to_fhir(message)
    for entry in bundle["entry"]:
        entry["resource"] = data.draw(woven(entry["resource"]))
    assert fast(bundle) in (None, slowly(bundle))


def test_two_recipients_are_left_to_the_lenses() -> None:
    """They take the first that is named by reference; the reader is not certain."""
    bundle = bundle_of("03")
    (request,) = (e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "ServiceRequest")
    request["performer"].insert(0, {"display": "somebody"})
    assert fast(bundle) is None
    assert slowly(bundle) == example("03")


def test_another_request_beside_it_is_left_to_the_lenses() -> None:
    """A ServiceRequest that is no notice of ours."""
    bundle = bundle_of("03")
    other = {"resourceType": "ServiceRequest", "id": "other", "status": "active", "intent": "order"}
    bundle["entry"].append({"fullUrl": "urn:uuid:other", "resource": other})
    assert fast(bundle) is None
    assert slowly(bundle) == example("03")
