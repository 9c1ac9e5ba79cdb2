"""The individual plan as one FHIR R4 transaction Bundle, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.mapping.assembly import assemblies
from ip_fhir.mapping.tables import load_tables

if TYPE_CHECKING:
    from pydantic import BaseModel


def to_fhir(plan: IndividualPlan) -> dict[str, Any]:
    """The plan as a transaction Bundle of about one resource for each person, goal and consent.

    Sending it twice writes the same resources twice, it makes none twice. `from_fhir` gives the same plan back.
    """
    bundle: dict[str, Any] = orjson.loads(to_fhir_json(plan))
    return bundle


def to_fhir_json(plan: IndividualPlan) -> bytes:
    """The same as JSON text in UTF-8: what is sent and stored needs no dicts in between."""
    return assemblies()["plan"].json(plan, load_tables().systems.base)


def from_fhir(bundle: dict[str, Any]) -> IndividualPlan:
    """The plan in a Bundle. Raises `InvalidInput` with every problem and its FHIRPath."""
    return assemblies()["plan"].value(IndividualPlan, bundle)


def put_plan(plan: IndividualPlan, bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed."""
    return assemblies()["plan"].onto(plan, bundle, load_tables().systems.base)


def to_models(plan: IndividualPlan) -> list[BaseModel]:
    """The plan's resources as typed objects of `fhir.resources` (R4B), each checked by its model."""
    from fhir.resources.R4B import get_fhir_model_class  # heavy, and most callers never need it

    models: list[BaseModel] = [
        get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
        for entry in to_fhir(plan)["entry"]
    ]
    return models
