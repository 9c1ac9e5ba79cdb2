"""The mapper: functions and methods agree, whichever way a plan is read or written; another version is refused."""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

import ip_fhir.mapping
from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import (
    Mapper,
    default,
    from_fhir,
    from_fhir_json,
    open_plan,
    put_plan,
    read_fhir,
    removed_entries,
    to_fhir,
    to_fhir_json,
    update_bundle,
)
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import PLANS, example

JSON = dict[str, Any]
EXAMPLES = PLANS[0].parents[1]
NEIGHBOURS = sorted((EXAMPLES / "neighbours").glob("*.json"))
OVERLAY = EXAMPLES / "overlays" / "nordvik.toml"
NUMBERS = range(1, len(PLANS) + 1)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: found for name in ip_fhir.mapping.__all__ if inspect.isfunction(found := getattr(ip_fhir.mapping, name))
}
VERSIONED = sorted(
    name for name, found in FUNCTIONS.items() if {"mapper", "version"} <= inspect.signature(found).parameters.keys()
)


@cache
def site(version: FhirVersion) -> Mapper:
    """A site's mapper: with its overlay."""
    return Mapper.load(OVERLAY, version)


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it: the value, or the problems for which it is refused."""
    try:
        return work()
    except InvalidInput as refused:
        return refused.problems


def neighbour(file: Path) -> JSON:
    """Another system's bundle."""
    found: JSON = orjson.loads(file.read_bytes())
    return found


def ways_to_read(bundle: JSON, mapper: Mapper | None, version: FhirVersion | None) -> list[Any]:
    """The plan in the bundle, or the problems, by every verb that reads one: as function and as method."""
    text = orjson.dumps(bundle)
    chosen = mapper or default(version)
    return [
        outcome(lambda: chosen.from_fhir(bundle)),
        outcome(lambda: chosen.from_fhir_json(text)),
        outcome(lambda: chosen.open_plan(bundle).plan),
        outcome(lambda: chosen.read_fhir(bundle).plan),
        outcome(lambda: from_fhir(bundle, mapper, version=version)),
        outcome(lambda: from_fhir_json(text, mapper, version=version)),
        outcome(lambda: open_plan(bundle, mapper, version=version).plan),
        outcome(lambda: read_fhir(bundle, mapper=mapper, version=version).plan),
    ]


def ways_to_put(bundle: JSON, plan: Any, mapper: Mapper | None, version: FhirVersion | None) -> list[Any]:
    """The bundle with the plan, or the problems, by every verb that writes onto one."""
    chosen = mapper or default(version)
    return [
        outcome(lambda: chosen.update_bundle(bundle, plan)),
        outcome(lambda: chosen.put_plan(plan, bundle)),
        outcome(lambda: chosen.open_plan(bundle).put(plan)),
        outcome(lambda: update_bundle(bundle, plan, mapper, version=version)),
        outcome(lambda: put_plan(plan, bundle, mapper, version=version)),
        outcome(lambda: open_plan(bundle, mapper, version=version).put(plan)),
    ]


def assert_one(found: list[Any]) -> None:
    """All of them are alike."""
    first, *others = found
    assert all(other == first for other in others)


@pytest.mark.parametrize("overlay", [False, True], ids=["shipped", "nordvik"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", NUMBERS)
def test_every_way_to_map_an_example_agrees(number: int, version: FhirVersion, overlay: bool) -> None:
    """Each example in R4 and R5, as it ships and with a site's overlay: one bundle, one plan, one put."""
    plan = example(number)
    mapper = site(version) if overlay else None
    said = None if overlay else version
    bundle = (mapper or default(version)).to_fhir(plan)
    assert bundle == to_fhir(plan, mapper, version=said) == orjson.loads(to_fhir_json(plan, mapper, version=said))
    assert ways_to_read(bundle, mapper, said) == [plan] * 8
    for changed in (plan.evolve(title="Min plan"), plan.evolve(measures=plan.measures[1:])):
        assert_one(ways_to_put(bundle, changed, mapper, said))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", NUMBERS)
def test_without_a_version_an_example_is_read_as_what_it_shows(number: int, version: FhirVersion) -> None:
    """R4 or R5: the functions read it without a word about the version, and so does the mapper that they use."""
    plan = example(number)
    assert ways_to_read(to_fhir(plan, version=version), None, None) == [plan] * 8


@pytest.mark.parametrize("overlay", [False, True], ids=["shipped", "nordvik"])
@pytest.mark.parametrize("file", NEIGHBOURS, ids=lambda file: file.stem)
def test_every_way_to_read_a_neighbours_plan_agrees(file: Path, overlay: bool) -> None:
    """Another system's plan reads by every verb, or is refused by every verb for the same reasons; so is a put."""
    bundle = neighbour(file)
    before = deepcopy(bundle)
    mapper = site("R4") if overlay else None
    found = ways_to_read(bundle, mapper, None)
    assert_one(found)
    if not isinstance(found[0], tuple):
        title, measures = found[0].evolve(title="Min plan"), found[0].evolve(measures=found[0].measures[1:])
        for plan in (found[0], title, measures):
            assert_one(ways_to_put(bundle, plan, mapper, None))
        assert ways_to_put(bundle, found[0], mapper, None)[0] == bundle
    assert bundle == before


def test_a_neighbours_plan_is_opened_and_changed() -> None:
    """Two of the three say themselves whose plan it is: opened, changed and read back, theirs stays theirs."""
    opened = [found for file in NEIGHBOURS if not isinstance(found := opening(file), tuple)]
    assert len(opened) == 2
    for found in opened:
        changed = found.put(found.plan.evolve(title="Min plan"))
        assert from_fhir(changed) == found.plan.evolve(title="Min plan")
        assert len(changed["entry"]) == len(found.bundle["entry"])


def opening(file: Path) -> Any:
    """Another system's plan, opened, or the problems for which it is refused."""
    return outcome(lambda: open_plan(neighbour(file)))


@pytest.mark.parametrize("name", VERSIONED)
@pytest.mark.parametrize("mapper", [default(), default("R4"), default("R5")], ids=["default", "R4", "R5"])
def test_another_version_than_the_mappers_is_refused(name: str, mapper: Mapper) -> None:
    """`version=` beside a mapper of another version: an error that names both, before anything is read or written."""
    function = FUNCTIONS[name]
    given = [None for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    other = "R5" if mapper.version == "R4" else "R4"
    with pytest.raises(InvalidInput) as refused:
        function(*given, mapper=mapper, version=other)
    assert str(refused.value) == f"version: is {other}, and the mapper is for {mapper.version}"


def test_a_said_version_holds_for_the_default_mapper_too() -> None:
    """Given `default()` and R4, an R5 bundle is refused, as it is where R4 alone is said."""
    bundle = to_fhir(example(3), version="R5")
    found = [
        outcome(lambda: from_fhir(bundle, default(), version="R4")),
        outcome(lambda: from_fhir(bundle, version="R4")),
        outcome(lambda: default("R4").from_fhir(bundle)),
    ]
    assert_one(found)
    assert "is an element of R5, and the bundle is read as R4" in str(found[0][0])


def test_every_function_is_a_verb_of_the_mapper() -> None:
    """Each has a method of its name; what needs no tables is a function alone."""
    methods = {name for name, _ in inspect.getmembers(Mapper, callable)}
    assert FUNCTIONS.keys() - methods == {"default", "referral_resources"}


def test_what_left_a_bundle_is_told() -> None:
    """A goal that is no longer in the plan: its entry is told by its place in the bundle before."""
    plan = example(1)
    bundle = to_fhir(plan)
    gone = plan.goals[-1].id
    measures = tuple(m.evolve(goals=tuple(g for g in m.goals if g != gone)) for m in plan.measures)
    after = update_bundle(bundle, plan.evolve(goals=plan.goals[:-1], measures=measures))
    number = next(n for n, e in enumerate(bundle["entry"]) if e["resource"]["id"] == gone)
    (told,) = removed_entries(bundle, after)
    assert told.path == f"Bundle.entry[{number}].resource"
    assert removed_entries(bundle, bundle) == ()


def test_a_mapper_is_made_once_and_shared() -> None:
    """The same object for the same version, in any thread; an unknown version has none."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: default("R5"), range(32)))) == 1
    assert Mapper.load() is default()
    assert Mapper.load(version="R5") is default("R5")
    with pytest.raises(MappingError, match="there is no FHIR version 'R3' here"):
        Mapper.load(version="R3")  # type: ignore[arg-type]


def test_reads_are_counted_by_every_thread() -> None:
    """Fast ones and those left to the lenses, with the reason, on the mapper that read."""
    mapper = Mapper(default().compiled)
    ours, theirs = to_fhir_json(example(1)), NEIGHBOURS[0].read_bytes()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(mapper.from_fhir_json, [ours] * 20))
    assert (mapper.reads.fast, mapper.reads.lenses, mapper.reads.stand_downs) == (20, 0, {})
    outcome(lambda: mapper.from_fhir_json(theirs))
    outcome(lambda: mapper.from_fhir_json(ours.replace(b"Mina", b"Mi\\u0007na", 1) + b" " * 30_200_001))
    outcome(lambda: mapper.from_fhir_json(b'{"resourceType":"Bundle","id":"\xff"}'))
    assert mapper.reads.stand_downs == {"doubt": 1, "size": 1, "text": 1}
    assert (mapper.reads.fast, mapper.reads.lenses) == (20, 3)


OWNER = PlanOwner(id="p", name=PersonName(given="Ola", family="Prøve"), identifier=PersonId("05827500285"))


def test_a_plan_of_somebody_else_is_not_put() -> None:
    """Whichever verb writes: the bundle is about another person, and stays as it is."""
    plan = IndividualPlan(id="plan-01", title="Min plan", owner=OWNER, created=example(1).created)
    for found in ways_to_put(to_fhir(example(3)), plan, None, None):
        assert "is about another person" in str(found[0])


def test_what_no_json_text_gives_is_left_to_the_lenses() -> None:
    """A value of Python's own in another system's element: a put keeps it, and the read is counted."""
    mapper = Mapper(default().compiled)
    bundle = to_fhir(example(1))
    value = object()
    bundle["entry"][0]["resource"]["unmapped"] = value
    changed = mapper.update_bundle(bundle, example(1).evolve(title="Min plan"))
    assert changed["entry"][0]["resource"]["unmapped"] is value
    assert mapper.reads.stand_downs == {"doubt": 1}
