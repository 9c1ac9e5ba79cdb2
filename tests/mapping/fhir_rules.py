"""FHIR R4's own rules that the models of `fhir.resources` do not check, stated here: invariants by their keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ip_fhir.fhir.references import references_in

JSON = dict[str, Any]


def broken_rules(resource: JSON) -> list[str]:
    """Every broken rule, as `key at path`."""
    at = str(resource["resourceType"])
    empty = (f"ele-1 at {place}" for place in empty_places(resource, at))
    return [*empty, *_extensions(resource, at), *_of_resource(resource)]


def empty_places(node: Any, at: str) -> Iterator[str]:
    """ele-1: nothing is empty; of any version. Where something is."""
    if node in (None, [], {}) or (isinstance(node, str) and not node.strip()):
        yield at
    for step, inner in _inside(node):
        yield from empty_places(inner, at + step)


def _extensions(node: Any, at: str) -> Iterator[str]:
    """ext-1: an extension has a value or extensions, not both."""
    if isinstance(node, dict) and "url" in node and "extension" in at.rpartition(".")[2]:
        values = [key for key in node if key.startswith("value")]
        if len(values) + ("extension" in node) != 1:
            yield f"ext-1 at {at}"
    for step, inner in _inside(node):
        yield from _extensions(inner, at + step)


def _inside(node: Any) -> Iterator[tuple[str, Any]]:
    """The members or entries of a node, each with its step."""
    if isinstance(node, list):
        yield from ((f"[{n}]", item) for n, item in enumerate(node))
    if isinstance(node, dict):
        yield from ((f".{key}", value) for key, value in node.items())


def _of_resource(resource: JSON, *, inside: bool = False) -> Iterator[str]:
    rules = {"Appointment": _appointment, "CareTeam": _team, "Goal": _goal, "Consent": _consent, "Patient": _people}
    rules |= {"RelatedPerson": _people, "Practitioner": _people, "Organization": _organization, "Task": _task}
    rules |= {"Bundle": _bundle, "CarePlan": _plan, "QuestionnaireResponse": _answers}
    if resource["resourceType"] in rules:
        yield from rules[resource["resourceType"]](resource)
    if resource["resourceType"] != "Bundle" and not inside:
        yield from _contained(resource)


def _contained(resource: JSON) -> Iterator[str]:
    """dom-2, dom-3, dom-4, dom-5: what is contained is referred to, and has no version, tags or contents of its own."""
    contained = resource.get("contained", [])
    named = set(references_in(resource))
    for n, inner in enumerate(contained):
        at = f"contained[{n}]"
        if f"#{inner['id']}" not in named and "#" not in set(references_in(inner)):
            yield f"dom-3 at {at}"
        if "contained" in inner:
            yield f"dom-2 at {at}"
        if {"versionId", "lastUpdated"} & set(inner.get("meta", {})):
            yield f"dom-4 at {at}"
        if "security" in inner.get("meta", {}):
            yield f"dom-5 at {at}"
        yield from (f"{problem} in {at}" for problem in _of_resource(inner, inside=True))
    inside = {f"#{inner['id']}" for inner in contained}
    yield from (f"ref-1: {ref} is not contained" for ref in named if ref.startswith("#") and ref not in inside | {"#"})


def _appointment(resource: JSON) -> Iterator[str]:
    """app-1 to app-4 of R4."""
    both = {"start", "end"} & set(resource)
    if len(both) == 1:
        yield "app-2"
    if not both and resource["status"] not in ("proposed", "cancelled", "waitlist"):
        yield "app-3"
    if "cancelationReason" in resource and resource["status"] not in ("cancelled", "noshow"):
        yield "app-4"
    if not all({"type", "actor"} & set(participant) for participant in resource["participant"]):
        yield "app-1"


def _team(resource: JSON) -> Iterator[str]:
    """ctm-1: CareTeam.participant.onBehalfOf can only be populated when the member is a Practitioner."""
    for participant in resource.get("participant", []):
        if "onBehalfOf" in participant and not participant["member"]["reference"].startswith("Practitioner/"):
            yield "ctm-1"


def _goal(resource: JSON) -> Iterator[str]:
    """gol-1: a target with a detail says what is measured."""
    for target in resource.get("target", []):
        if "measure" not in target and any(key.startswith("detail") for key in target):
            yield "gol-1"


def _consent(resource: JSON) -> Iterator[str]:
    """ppc-1 to ppc-5: a policy or rule; who and what a scope needs."""
    if not {"policy", "policyRule"} & set(resource):
        yield "ppc-1"
    if "patient" not in resource:
        yield "ppc-2"


def _people(resource: JSON) -> Iterator[str]:
    """cpt-2 of contact points."""
    yield from ("cpt-2" for point in resource.get("telecom", []) if "value" in point and "system" not in point)


def _organization(resource: JSON) -> Iterator[str]:
    """org-1: a name or an identifier."""
    if not {"identifier", "name"} & set(resource):
        yield "org-1"
    yield from _people(resource)


def _plan(resource: JSON) -> Iterator[str]:
    """cpl-3: an activity has a detail or a reference, not both."""
    yield from ("cpl-3" for a in resource.get("activity", []) if len({"detail", "reference"} & set(a)) > 1)


def _answers(resource: JSON) -> Iterator[str]:
    """qrs-1: an item has answers or items, not both."""
    waiting = list(resource.get("item", []))
    while waiting:
        item = waiting.pop()
        waiting += item.get("item", [])
        if "answer" in item and "item" in item:
            yield "qrs-1"


def _task(resource: JSON) -> Iterator[str]:
    """inv-1: last modified is not before authored."""
    times = [resource[name] for name in ("authoredOn", "lastModified") if name in resource]
    if times != sorted(times, key=datetime.fromisoformat):
        yield "inv-1"


def _bundle(resource: JSON) -> Iterator[str]:
    """bdl-3, bdl-7, bdl-9/10 (a document), bdl-12 (a message): requests, fullUrls once, the header first."""
    urls = [entry["fullUrl"] for entry in resource["entry"]]
    if len(set(urls)) != len(urls):
        yield "bdl-7"
    with_request = resource["type"] in ("transaction", "batch")
    if any(("request" in entry) is not with_request for entry in resource["entry"]):
        yield "bdl-3"
    if resource["type"] == "message" and resource["entry"][0]["resource"]["resourceType"] != "MessageHeader":
        yield "bdl-12"
    for n, entry in enumerate(resource["entry"]):
        yield from (f"{problem} in entry[{n}]" for problem in _of_resource(entry["resource"]))
