"""The fast reader passes over what the lenses pass over: unknown types of resource, versions named in references."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import Mapper, default, from_fhir, to_fhir
from ip_fhir.mapping.bundle.fast_reader import _MOST_TYPES
from ip_fhir.mapping.compiled import Compiled
from ip_fhir.mapping.tables.loading import load_tables
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping import examples
from tests.mapping.examples import FORMS, example, with_references
from tests.support.strategies import plans

JSON = dict[str, Any]
OBSERVATION: JSON = {
    "fullUrl": "https://server.example/fhir/Observation/o1",
    "resource": {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "Ganghastighet"},
        "subject": {"reference": "Patient/another"},
        "valueQuantity": {"value": 0.8, "unit": "m/s"},
    },
    "search": {"mode": "include"},
}
OUTCOME: JSON = {
    "resource": {
        "id": "outcome-1",
        "issue": [{"severity": "warning", "code": "processing", "diagnostics": "something was left out"}],
        "resourceType": "OperationOutcome",
    },
    "search": {"mode": "outcome"},
}


def searchset(bundle: JSON, *more: JSON) -> JSON:
    """As a server answers a search: the plan's resources, and others."""
    return {**bundle, "type": "searchset", "total": 1, "entry": [*more[:1], *bundle["entry"], *more[1:]]}


def versioned(reference: str) -> str:
    """A reference to one version of the resource."""
    return f"{reference}/_history/7"


def read_both_ways(bundle: JSON) -> tuple[IndividualPlan | None, Any]:
    """The plan by the fast reader (None: it stood down), and by the lenses (the problems, where they refuse)."""
    try:
        by_lenses: Any = from_fhir(bundle, version="R4")
    except InvalidInput as refused:
        by_lenses = refused.problems
    return default().read_fast(orjson.dumps(bundle)), by_lenses


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("number", range(1, 6))
def test_a_search_result_is_read_fast(number: int, form: Callable[[JSON], JSON]) -> None:
    """A searchset with other resources and versioned references needs no lens, and reads as the lenses read it."""
    plan = example(number)
    found = searchset(with_references(form(examples.bundle(number)), versioned), OBSERVATION, OUTCOME)
    mapper = Mapper(default().compiled)
    assert mapper.from_fhir_json(orjson.dumps(found)) == from_fhir(found) == plan
    assert (mapper.reads.fast, mapper.reads.stand_downs) == (1, {})


_TYPES = st.sampled_from(("Observation", "OperationOutcome", "Task", "Basic", "Bundle", "Madeup", "CarePlanX", "x", ""))
_SAID: st.SearchStrategy[JSON] = st.sampled_from(
    (
        {},
        {"implicitRules": "https://other.example/rules"},
        {"modifierExtension": [{"url": "https://other.example/not"}]},
        {"subject": {"reference": "Patient/nobody"}},
        {"entry": [{"resource": {"resourceType": "Patient", "id": "p"}}]},
        {"contained": [{"resourceType": "CarePlan", "id": "c"}]},
        {"id": 7},
        {"id": None},
        {"custodian": {"reference": "Organization/o"}},
    )
)


@st.composite
def others(draw: st.DrawFn, ids: list[str], urls: list[str]) -> JSON:
    """An entry with a resource of a type that no table of plans reads, or something near it."""
    entry: JSON = {"resource": {"resourceType": draw(_TYPES), **draw(_SAID)}}
    if draw(st.booleans()):
        entry["resource"].setdefault("id", draw(st.sampled_from([*ids, "o1", ""])))
    if draw(st.booleans()):
        entry["fullUrl"] = draw(st.sampled_from([*urls, "urn:uuid:1", "", None]))
    return draw(st.sampled_from((entry, entry, entry, {**entry, "resource": None}, {"fullUrl": "urn:uuid:2"})))


@settings(max_examples=60)
@given(plans(), st.data())
def test_other_resources_among_ours_change_nothing(plan: IndividualPlan, data: st.DataObject) -> None:
    """Whatever they say and whomever they are called after: it is read as the lenses read it, or left to them."""
    bundle = to_fhir(plan)
    if data.draw(st.booleans()):
        bundle = with_references(bundle, versioned)
    ids = [entry["resource"]["id"] for entry in bundle["entry"]]
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    for other in data.draw(st.lists(others(ids, urls), min_size=1, max_size=3)):
        bundle["entry"].insert(data.draw(st.integers(0, len(bundle["entry"]))), other)
    found, by_lenses = read_both_ways(bundle)
    assert found in (None, by_lenses)


@settings(max_examples=30)
@given(plans(), st.data())
def test_plain_others_are_passed_over_without_doubt(plan: IndividualPlan, data: st.DataObject) -> None:
    """Other types with an id of their own, even one that ours has too, never send a bundle to the lenses."""
    bundle = to_fhir(plan)
    for entry in data.draw(st.lists(st.sampled_from(bundle["entry"]), min_size=1, max_size=4)):
        twin = {"resourceType": data.draw(st.sampled_from(("Observation", "Task", "Encounter"))), "id": "x"}
        twin["id"] = entry["resource"]["id"]
        bundle["entry"].append({"fullUrl": entry["fullUrl"], "resource": twin})
    bundle = with_references(bundle, lambda ref: versioned(ref) if data.draw(st.booleans()) else ref)
    assert read_both_ways(bundle) == (plan, plan)


@settings(max_examples=60)
@given(st.sampled_from(range(1, 6)), st.data())
def test_entries_of_several_servers_are_read_as_the_lenses_read_them(number: int, data: st.DataObject) -> None:
    """With fullUrls of other servers, urns or none at random, it gives the lenses' plan, or leaves it to them."""
    bundle = examples.bundle(number)
    chosen = data.draw(st.lists(st.sampled_from(bundle["entry"]), min_size=1, max_size=4, unique_by=id))
    for entry in chosen if data.draw(st.booleans()) else bundle["entry"]:
        name = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        url = data.draw(st.sampled_from((f"https://other.example/{name}", examples.urn(name), name, "", None)))
        entry["fullUrl"] = url
        if url is None:
            del entry["fullUrl"]
        if data.draw(st.integers(0, 9)) == 0:
            entry["request"] = {"method": "POST", "url": "x"}
    found, by_lenses = read_both_ways(bundle)
    assert found in (None, by_lenses)


def test_a_reference_to_what_is_passed_over_is_refused() -> None:
    """A goal's measure of an Observation is nothing to a plan; a plan that refers to one for its owner is refused."""
    bundle = searchset(examples.bundle(1), OBSERVATION)
    care_plan = examples.resource(bundle, "CarePlan")
    care_plan["subject"] = {"reference": "Observation/o1"}
    found, by_lenses = read_both_ways(bundle)
    assert found is None
    assert "must refer to the person whom it is about" in str(by_lenses[0])


def test_rules_for_the_whole_bundle_are_not_passed_over() -> None:
    """`implicitRules` of the Bundle hold for all in it; those of a resource that is not read hold for nothing read."""
    whole = {**searchset(examples.bundle(1), OBSERVATION), "implicitRules": "https://other.example/rules"}
    assert read_both_ways(whole)[0] is None
    alone = {**OBSERVATION, "resource": {**OBSERVATION["resource"], "implicitRules": "https://other.example/rules"}}
    found, by_lenses = read_both_ways(searchset(examples.bundle(1), alone))
    assert found == by_lenses == example(1)


@pytest.mark.parametrize("entry", [{}, {"resource": {}}], ids=str)
def test_an_entry_that_is_none_is_refused_as_ever(entry: JSON) -> None:
    """Without a resource or a type: the lenses say so, with its place."""
    found, by_lenses = read_both_ways(searchset(examples.bundle(1), entry))
    assert found is None
    assert by_lenses[0].path == "Bundle.entry[0]"


GOAL = {"fullUrl": "https://x.example/Goal/g", "resource": {"resourceType": "Goal", "id": "g"}}


@pytest.mark.parametrize(
    "entry",
    [
        {"resource": {"resourceType": "Observation"}},
        {"response": {"status": "200 OK"}},
        {"request": {"method": "DELETE", "url": "Goal/g"}},
        {**GOAL, "request": {"method": "DELETE", "url": "Goal/g"}},
        {**GOAL, "request": {"method": "GET", "url": "Goal/g"}},
    ],
    ids=str,
)
def test_entries_without_content_are_left_to_the_lenses(entry: JSON) -> None:
    """A deletion, a question, an answer, a resource that nothing can mean: the lenses read the plan without it."""
    assert read_both_ways(searchset(examples.bundle(1), entry)) == (None, example(1))


@pytest.mark.parametrize("kind", ["history", "transaction-response", 3])
def test_other_kinds_of_bundles_are_left_to_the_lenses(kind: Any) -> None:
    """A history may have each resource several times: only the lenses know which one counts."""
    assert read_both_ways({**examples.bundle(1), "type": kind}) == (None, example(1))


def test_a_resource_that_shows_another_version_is_not_passed_over() -> None:
    """An element of R5 in a resource that no plan reads still says which version the bundle is of."""
    task = {"resourceType": "Task", "id": "t", "requestedPerformer": [{"concept": {"text": "x"}}]}
    found, by_lenses = read_both_ways(searchset(examples.bundle(1), {"resource": task}))
    assert found is None
    assert "mixes FHIR versions" in str(by_lenses[0])


def test_types_without_end_do_not_fill_the_memory() -> None:
    """Beyond a bound, types that a peer makes up are left to the lenses; those that were learned stay fast."""
    mapper = Mapper(Compiled(load_tables()))
    bundle = examples.bundle(1)
    for number in range(20):
        names = (f"Madeup{chr(65 + number)}{chr(65 + n % 26)}{chr(65 + n // 26)}" for n in range(20))
        made = [{"resource": {"resourceType": name, "id": "x"}} for name in names]
        assert mapper.from_fhir_json(orjson.dumps(searchset(bundle, *made))) == example(1)
    assert 0 < mapper.reads.fast <= _MOST_TYPES // 20
    assert mapper.reads.lenses == 20 - mapper.reads.fast
    assert mapper.read_fast(orjson.dumps(bundle)) == example(1)


def test_text_that_is_no_utf_8_is_refused_wherever_it_stands() -> None:
    """Also in what is passed over."""
    content = orjson.dumps(searchset(examples.bundle(1), OBSERVATION)).replace(b"Ganghastighet", b"\xff")
    assert default().read_fast(content) is None
    with pytest.raises(InvalidInput, match="not UTF-8"):
        default().from_fhir_json(content)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_person_may_be_named_in_a_version(version: FhirVersion) -> None:
    """A role that refers to a version of its Practitioner is that person's, to the lenses too, and stays as it is."""
    bundle = with_references(to_fhir(example(1), version=version), versioned)
    assert from_fhir(bundle, version=version) == example(1)
    assert default(version).update_bundle(bundle, example(1)) == bundle
