"""The published resources beside the checkout, each as a part of a whole plan; and every leaf of a bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.two_sides import EXAMPLES

JSON = dict[str, Any]
Path_ = tuple[str | int, ...]

PATIENT: JSON = {
    "resourceType": "Patient",
    "id": "owner",
    "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "17851950222"}],
    "name": [{"family": "Ås", "given": ["Ida"]}],
}
PLAN: JSON = {
    "resourceType": "CarePlan",
    "id": "plan",
    "status": "active",
    "intent": "plan",
    "created": "2026-01-02T10:00:00+01:00",
    "subject": {"reference": "Patient/owner"},
}
PERSON: JSON = {"resourceType": "Practitioner", "id": "person", "name": [{"family": "Lie", "given": ["Jo"]}]}
NAMED_BY = {"Goal": "goal", "Condition": "addresses", "CareTeam": "careTeam", "ServiceRequest": "activity"}
PARTS = (
    *("Patient", "CarePlan", *NAMED_BY, "Consent", "Appointment"),
    *("RelatedPerson", "Organization", "Practitioner", "PractitionerRole"),
)
"""The types of resources of which a plan is made."""


class Published(NamedTuple):
    """A whole bundle with one published part in it: its name, and the number of the part's entry."""

    name: str
    bundle: JSON
    part: int


def published(shared_data: Path) -> Iterator[Published]:
    """Every published resource of a type that a plan has, alone, in a bundle or contained, as a part of a plan."""
    for path in sorted(shared_data.rglob("*.json")):
        text = path.read_text(encoding="utf-8-sig")
        found = json.loads(text) if text.lstrip().startswith(("{", "[")) else None  # some are templates
        for number, resource in enumerate(_resources(found)):
            if path.parent.name != "field":  # those are whole plans with a right value each: test_field_cases.py
                yield _as_part(f"{path.parent.name}/{path.stem}#{number}", resource)


def whole_plans(shared_data: Path) -> Iterator[Published]:
    """Every bundle that has a CarePlan, and three that were made as other systems write; `part` is the CarePlan's."""
    paths = [*sorted(shared_data.rglob("*.json")), *sorted((EXAMPLES / "neighbours").glob("*.json"))]
    for path in paths:
        text = path.read_text(encoding="utf-8-sig")
        bundle = json.loads(text) if text.lstrip().startswith("{") else {}
        types = [entry.get("resource", {}).get("resourceType") for entry in bundle.get("entry", ())]
        if "CarePlan" in types:
            yield Published(f"{path.parent.name}/{path.stem}", bundle, types.index("CarePlan"))


def leaves(node: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every value below a node that holds no others, with its path."""
    children: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if children is None:
        yield path, node
        return
    for name, child in children:
        yield from leaves(child, (*path, name))


def fhirpath(path: Path_) -> str:
    """The path as errors write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def with_value(node: Any, path: Path_, value: Any) -> Any:
    """The node with another value at the path."""
    if not path:
        return value
    step, *rest = path
    changed = with_value(node[step], tuple(rest), value)
    if isinstance(node, dict):
        return {**node, step: changed}
    return [changed if number == step else item for number, item in enumerate(node)]


def _resources(node: Any) -> Iterator[JSON]:
    """The resources of a plan's types at or below a node."""
    if isinstance(node, list):
        for item in node:
            yield from _resources(item)
    elif isinstance(node, dict):
        if node.get("resourceType") in PARTS:
            yield node
        for value in node.values():
            yield from _resources(value)


def _as_part(name: str, resource: JSON) -> Published:
    """A bundle with a plan that the resource is a part of; who it is about is the plan's owner."""
    type_ = resource["resourceType"]
    part = {**resource, "id": "owner" if type_ == "Patient" else "part"}
    for element in ("subject", "patient"):
        if isinstance(part.get(element), dict):
            other = {k: v for k, v in part[element].items() if k not in ("reference", "identifier")}
            part[element] = {"reference": "Patient/owner", **other}
    if type_ == "Patient":
        return Published(name, _bundle(part, PLAN), 0)
    if type_ == "CarePlan":
        return Published(name, _bundle(part, PATIENT), 0)
    reference: JSON = {"reference": f"{type_}/part"}
    by = NAMED_BY.get(type_)
    plan = PLAN if by is None else {**PLAN, by: [{"reference": reference} if by == "activity" else reference]}
    if type_ == "PractitionerRole":
        part["practitioner"] = {"reference": "Practitioner/person"}
        return Published(name, _bundle(part, PATIENT, plan, PERSON), 0)
    return Published(name, _bundle(part, PATIENT, plan), 0)


def _bundle(*resources: JSON) -> JSON:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]}
