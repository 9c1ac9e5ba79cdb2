"""Mapping: a plan to FHIR JSON bytes and back, against `orjson.loads` of the same bytes and against peers.

Every ratio is to `orjson.loads` of the same bytes, measured in the same rounds. What each peer does is only the part of
the work that it can do: typed models are made of ready FHIR JSON and written back, which is less than mapping a plan.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import by_hand
import by_hand_back
import orjson
from measuring import Figure, interleaved, medians
from sample import sample_plan

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.mapping import default, from_fhir_json, open_plan, put_plan, to_fhir, to_fhir_json
from ip_fhir.mapping.bundle.open_plan import put_onto

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_YARDSTICK = "orjson.loads of the same bytes"
_GOALS = {
    "plan -> FHIR bytes": 0.8,
    "FHIR bytes -> plan": 1.8,
    "searchset with other resources -> plan": 1.5 * 1.8,
    "versioned references -> plan": 1.5 * 1.8,
    "put one change onto a bundle": 1.5,
    "put one measure onto a bundle that the lenses read": 20,
}
_FAST, _SLOW = 20, 1  # times in a round: what takes microseconds is done often


def measure(quick: bool) -> Iterator[Figure]:
    """The figures, each by the yardstick."""
    works = subjects()
    fast = {name: work for name, work in works.items() if "peer" not in name}
    rounds = 5 if quick else 25
    times = {name: _FAST if name in fast else _SLOW for name in works}
    taken = interleaved(rounds, **{name: _repeated(work, times[name]) for name, work in works.items()})
    found = {name: milliseconds / times[name] * 1000 for name, milliseconds in medians(taken).items()}
    size = len(to_fhir_json(sample_plan()))
    for name, value in found.items():
        note = f"{size:,} bytes" if name == _YARDSTICK else ""
        yield Figure(name, value, "us", floor=found[_YARDSTICK], at_most=_GOALS.get(name), note=note)


def _repeated(work: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            work()

    return run


def subjects() -> dict[str, Callable[[], object]]:
    """What is measured, by name; the first is the yardstick."""
    plan = sample_plan()
    content = to_fhir_json(plan)
    bundle = orjson.loads(content)
    opened = open_plan(bundle)
    first, *others = opened.plan.measures
    changed = opened.plan.evolve(title="Min plan")
    other_measure = opened.plan.evolve(measures=(first.evolve(how="Alene"), *others))
    one_fewer = opened.plan.evolve(measures=tuple(others))
    plan_assembly = default().compiled.assembly("plan")
    own = plan.to_json()
    among_others, of_versions = orjson.dumps(_searchset(bundle)), orjson.dumps(_versioned(bundle))
    if not from_fhir_json(among_others) == from_fhir_json(of_versions) == plan:
        raise AssertionError("what stands beside the plan changed it")
    found: dict[str, Callable[[], object]] = {
        _YARDSTICK: lambda: orjson.loads(content),
        "plan -> FHIR bytes": lambda: to_fhir_json(plan),
        "plan -> FHIR dict": lambda: to_fhir(plan),
        "FHIR bytes -> plan": lambda: from_fhir_json(content),
        "searchset with other resources -> plan": lambda: from_fhir_json(among_others),
        "versioned references -> plan": lambda: from_fhir_json(of_versions),
        "put one change onto a bundle": lambda: opened.put(changed),
        "put one measure changed onto a bundle": lambda: opened.put(other_measure),
        "put one measure fewer onto a bundle": lambda: opened.put(one_fewer),
        "put onto a bundle not read before": lambda: put_plan(changed, bundle),
        "put one measure onto a bundle that the lenses read": lambda: put_onto(plan_assembly, other_measure, bundle),
        "floor: plan's own JSON -> plan (pydantic)": lambda: IndividualPlan.model_validate_json(own),
        "by hand: plan -> FHIR bytes": lambda: orjson.dumps(by_hand.write(plan)),
        "by hand: FHIR bytes -> plan": lambda: by_hand_back.read(orjson.loads(content)),
    }
    if orjson.loads(orjson.dumps(by_hand.write(plan))) != bundle or by_hand_back.read(bundle) != plan:
        raise AssertionError("the mapper by hand does not do the same work")
    return {**found, **_peers(content, bundle)}


def _searchset(bundle: dict[str, Any]) -> dict[str, Any]:
    """As a server answers a search: with a measurement, and a word about the search."""
    measurement = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "Ganghastighet"},
        "valueQuantity": {"value": 0.8, "unit": "m/s"},
    }
    word = {"resourceType": "OperationOutcome", "id": "o2", "issue": [{"severity": "warning", "code": "processing"}]}
    return {**bundle, "type": "searchset", "entry": [*bundle["entry"], {"resource": measurement}, {"resource": word}]}


def _versioned(node: Any) -> Any:
    """With every reference to a version of its resource."""
    if isinstance(node, list):
        return [_versioned(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {k: f"{v}/_history/7" if k == "reference" and isinstance(v, str) else _versioned(v) for k, v in node.items()}


def _peers(content: bytes, bundle: dict[str, Any]) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    try:
        from fhir.resources.R4B.bundle import Bundle as Model
    except ImportError:
        pass
    else:
        model = Model.model_validate(bundle)
        found["peer fhir.resources: bytes -> model"] = lambda: Model.model_validate_json(content)
        found["peer fhir.resources: dict -> model -> bytes"] = lambda: Model.model_validate(bundle).model_dump_json()
        found["peer fhir.resources: model -> bytes"] = model.model_dump_json
    try:
        from fhirclient.models.bundle import Bundle as Client
    except ImportError:
        pass
    else:
        found["peer fhirclient: bytes -> model"] = lambda: Client(json.loads(content))
        found["peer fhirclient: dict -> model -> bytes"] = lambda: json.dumps(Client(bundle).as_json())
    try:
        from fhirpy_types_r4b import Bundle as Typed
    except ImportError:
        pass
    else:
        found["peer fhirpy types: bytes -> model"] = lambda: Typed.model_validate_json(content)
        found["peer fhirpy types: dict -> model -> bytes"] = lambda: Typed.model_validate(bundle).model_dump_json()
    return found
