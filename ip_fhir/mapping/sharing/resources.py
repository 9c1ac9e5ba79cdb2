"""The resources of a plan, and nothing that is derived from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping.compiled import Compiled


def plan_resources(plan: IndividualPlan, compiled: Compiled) -> list[dict[str, Any]]:
    """The resources of a plan, the CarePlan last. Raises `InvalidInput` if the tables have no code for a word."""
    assembly = compiled.assembly("plan")
    derived = {one.lens.resource for one in assembly.derived}
    entries = orjson.loads(assembly.json(plan, compiled.systems.base))["entry"]
    return [entry["resource"] for entry in entries if entry["resource"]["resourceType"] not in derived]
