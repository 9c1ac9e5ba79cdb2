"""The example plans, and what can be done to a bundle that changes nothing of what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.value import read
from ip_fhir.mapping import to_fhir

JSON = dict[str, Any]
PLANS = sorted((Path(__file__).parents[2] / "examples" / "plans").glob("*.json"))


@cache
def example(number: int) -> IndividualPlan:
    """The plan of that number, from 1."""
    return read(IndividualPlan, PLANS[number - 1].read_bytes())


def bundle(number: int) -> JSON:
    """A bundle of one's own, made from that plan."""
    return to_fhir(example(number))


def resource(bundle: JSON, type_: str, ident: str | None = None) -> JSON:
    """The resource of that type, and of that id where there are several."""
    found: list[JSON] = [
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == type_ and ident in (None, entry["resource"].get("id"))
    ]
    assert len(found) == 1, f"{len(found)} {type_} {ident}"
    return found[0]


def number_of(bundle: JSON, type_: str, ident: str) -> int:
    """Which entry it is."""
    return next(
        n
        for n, e in enumerate(bundle["entry"])
        if (e["resource"]["resourceType"], e["resource"].get("id")) == (type_, ident)
    )


def with_references(bundle: JSON, rename: Callable[[str], str]) -> JSON:
    """The bundle with every reference to one of its entries written in another way."""
    return {**bundle, "entry": [{**e, "resource": _renamed(e["resource"], rename)} for e in bundle["entry"]]}


def _renamed(node: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(node, dict):
        return {
            key: rename(value) if key == "reference" and isinstance(value, str) else _renamed(value, rename)
            for key, value in node.items()
        }
    return [_renamed(item, rename) for item in node] if isinstance(node, list) else node


_RELATIVE = re.compile(r"[A-Z]\w+/[A-Za-z0-9\-.]{1,64}")


def urn(reference: str) -> str:
    """The urn:uuid that stands for a relative reference in this test."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, reference)}"


def as_urns(bundle: JSON) -> JSON:
    """With urn:uuid fullUrls, and references to them."""
    made = with_references(bundle, lambda ref: urn(ref) if _RELATIVE.fullmatch(ref) else ref)
    entries = [{**e, "fullUrl": urn(f"{e['resource']['resourceType']}/{e['resource']['id']}")} for e in made["entry"]]
    return {**made, "entry": entries}


def as_absolute(bundle: JSON, base: str = "https://ehr.example/fhir") -> JSON:
    """With another server's fullUrls, and absolute references to them."""
    made = with_references(bundle, lambda ref: f"{base}/{ref}" if _RELATIVE.fullmatch(ref) else ref)
    entries = [{**e, "fullUrl": f"{base}/{e['resource']['resourceType']}/{e['resource']['id']}"} for e in made["entry"]]
    return {**made, "entry": entries}


def without_ids(bundle: JSON) -> JSON:
    """With urn:uuid fullUrls and no ids at all, as in a transaction that creates."""
    made = deepcopy(as_urns(bundle))
    for entry in made["entry"]:
        del entry["resource"]["id"]
    return made


def without_full_urls(bundle: JSON) -> JSON:
    """With ids, and no fullUrl."""
    return {**bundle, "entry": [{k: v for k, v in e.items() if k != "fullUrl"} for e in bundle["entry"]]}


FORMS: dict[str, Callable[[JSON], JSON]] = {
    "urn": as_urns,
    "absolute": as_absolute,
    "no-full-url": without_full_urls,
}
"""Ways to write the same references."""
