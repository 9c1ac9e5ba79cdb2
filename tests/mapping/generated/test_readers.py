"""The fast reader gives what the lenses give, or gives way to them."""

import pickle
import random
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.domain.values.value import Value
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Mapper, default, from_fhir, from_fhir_json, to_fhir_json
from tests.mapping.damage import damaged
from tests.mapping.examples import example
from tests.mapping.foreign_content import woven
from tests.support.strategies import plans

PLAN = IndividualPlan(
    id="plan-1",
    title="Min plan",
    owner=PlanOwner(id="p", name=PersonName(given="Ola", family="Prøve"), identifier=PersonId("05827500285")),
    created=datetime(2026, 1, 12, 8, tzinfo=UTC),
)


def slowly(content: bytes) -> IndividualPlan | None:
    """What the lenses read; None where they refuse."""
    try:
        return from_fhir(orjson.loads(content))
    except InvalidInput:
        return None


@given(plans())
def test_what_we_write_is_read_without_the_lenses(plan: IndividualPlan) -> None:
    """A plan as we write it leaves no doubt; the same value comes back, and says the same in the same order."""
    found = default().read_fast(to_fhir_json(plan))
    assert found == plan
    assert found is not None
    assert found.to_json() == plan.to_json()
    assert found.model_dump() == plan.model_dump()


def test_a_value_read_fast_is_like_one_that_pydantic_made() -> None:
    """The same class, fields in the same order; frozen, hashed, copied, pickled and evolved alike."""
    plan = example(1)
    fast, slow = default().read_fast(to_fhir_json(plan)), from_fhir(orjson.loads(to_fhir_json(plan)))
    assert fast is not None
    pairs = list(zip(values_in(fast), values_in(slow), strict=True))
    assert len(pairs) > 50
    for found, made in pairs:
        assert type(found) is type(made)
        assert list(vars(found)) == list(vars(made)) == list(type(made).model_fields)
        assert found.__pydantic_extra__ is made.__pydantic_extra__ is None
        assert found.__pydantic_private__ is made.__pydantic_private__ is None
        assert made.model_fields_set <= found.model_fields_set
        assert hash(found) == hash(made)
        assert pickle.loads(pickle.dumps(found)) == deepcopy(found) == found.evolve() == made  # noqa: S301 - our own
        with pytest.raises(ValidationError):
            found.id = "another"
        with pytest.raises(ValidationError):
            del found.id


def values_in(value: Any) -> Iterator[Any]:
    """The value and every value in it."""
    if isinstance(value, tuple):
        for item in value:
            yield from values_in(item)
    elif isinstance(value, Value):
        yield value
        for item in vars(value).values():
            yield from values_in(item)


@settings(max_examples=60)
@given(plans(), st.data())
def test_what_others_put_beside_it_changes_nothing(plan: IndividualPlan, data: st.DataObject) -> None:
    """With foreign content everywhere it gives the plan that the lenses give, or leaves it to them."""
    bundle = orjson.loads(to_fhir_json(plan))
    for entry in bundle["entry"]:
        entry["resource"] = data.draw(woven(entry["resource"]))
    content = orjson.dumps(bundle)
    assert default().read_fast(content) in (None, slowly(content))


@settings(max_examples=60)
@given(plans(), st.integers(0, 2**32))
def test_damage_is_never_read_over(plan: IndividualPlan, seed: int) -> None:
    """Whatever is changed in a bundle: what the fast reader gives, the lenses give; what they refuse, it refuses."""
    chance = random.Random(seed)
    bundle = orjson.loads(to_fhir_json(plan))
    for _ in range(20):
        content = orjson.dumps(damaged(bundle, chance))
        found = default().read_fast(content)
        assert found is None or found == slowly(content)


@pytest.mark.parametrize("text", ["\\u0007", "\\b", "\\uffff", "\\ud800", "\ufffe", " ", "", "\\u00a0"], ids=ascii)
def test_what_no_text_may_hold_is_left_to_the_lenses(text: str) -> None:
    """Control characters, however escaped, blank texts and halves of pairs are refused as ever."""
    content = to_fhir_json(PLAN)
    changed = content.replace(b'"title":"Min plan"', f'"title":"{text}"'.encode())
    assert changed != content
    assert default().read_fast(changed) is None
    with pytest.raises(InvalidInput):
        from_fhir_json(changed)


@pytest.mark.parametrize("text", ["\\u00e5", "a\\n", "a\\\\u0001", "\\ud83d\\ude00"], ids=ascii)
def test_other_escapes_are_letters_like_any(text: str) -> None:
    """What JSON may escape and a text may hold is read, fast or not, as what it stands for."""
    content = to_fhir_json(PLAN).replace(b'"title":"Min plan"', f'"title":"{text}"'.encode())
    assert from_fhir_json(content).title == orjson.loads(f'"{text}"')


def test_a_plan_of_another_version_or_kind_is_left_to_the_lenses() -> None:
    """R5, a plan that is not ours and a plan whose measures stand elsewhere are read by their own tables."""
    authored = PLAN.evolve(author="p")  # CarePlan.author in R4, custodian in R5
    r5 = to_fhir_json(authored, version="R5")
    assert default().read_fast(r5) is None
    assert from_fhir_json(r5) == authored
    other = to_fhir_json(PLAN).replace(b"individual-plan", b"another-plan")
    assert default().read_fast(other) is None


def test_what_is_no_bundle_is_refused_with_its_place() -> None:
    """Text that is no JSON, no object or no Bundle gets the same error as ever."""
    for content in (b"", b"[]", b"{", b'{"resourceType":"Patient"}', b"\xff\xfe"):
        with pytest.raises(InvalidInput):
            from_fhir_json(content)


def test_a_sites_tables_read_fast_too(checkout: Path) -> None:
    """With an overlay the readers are made of its rows and codes."""
    nordvik = Mapper.load(checkout / "examples" / "overlays" / "nordvik.toml")
    for number in range(1, 6):
        plan = example(number)
        assert nordvik.read_fast(nordvik.to_fhir_json(plan)) == plan
