"""The individual plan as one FHIR R4 transaction Bundle, and back; by the tables as they ship or another mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.compiled import default

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping.compiled import Mapping


def to_fhir(plan: IndividualPlan, mapping: Mapping | None = None) -> dict[str, Any]:
    """The plan as a transaction Bundle of about one resource for each person, goal and consent.

    Sending it twice writes the same resources twice, it makes none twice. `from_fhir` gives the same plan back.
    """
    return (mapping or default()).to_fhir(plan)


def to_fhir_json(plan: IndividualPlan, mapping: Mapping | None = None) -> bytes:
    """The same as JSON text in UTF-8: what is sent and stored needs no dicts in between."""
    return (mapping or default()).to_fhir_json(plan)


def from_fhir(bundle: dict[str, Any], mapping: Mapping | None = None) -> IndividualPlan:
    """The plan in a Bundle. Raises `InvalidInput` with every problem and its FHIRPath."""
    return (mapping or default()).from_fhir(bundle)


def put_plan(plan: IndividualPlan, bundle: dict[str, Any], mapping: Mapping | None = None) -> dict[str, Any]:
    """The bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed."""
    return (mapping or default()).put_plan(plan, bundle)


def to_models(plan: IndividualPlan, mapping: Mapping | None = None) -> list[BaseModel]:
    """The plan's resources as typed objects of `fhir.resources` (R4B), each checked by its model."""
    from fhir.resources.R4B import get_fhir_model_class  # heavy, and most callers never need it

    models: list[BaseModel] = [
        get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
        for entry in to_fhir(plan, mapping)["entry"]
    ]
    return models
