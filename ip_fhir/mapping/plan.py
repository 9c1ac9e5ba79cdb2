"""The individual plan as one FHIR transaction Bundle, and back; by the tables as they ship or another mapping.

R4 is written unless R5 is asked for. What is read shows its version by its content (`version_of`), or is R4.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping.compiled import default
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.foreign.reading import is_ours, put_read, read_fhir

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping.bundle.open_plan import OpenPlan
    from ip_fhir.mapping.compiled import Mapping
    from ip_fhir.mapping.tables.variants import FhirVersion


def to_fhir(
    plan: IndividualPlan, mapping: Mapping | None = None, *, version: FhirVersion = "R4", strict: bool = False
) -> dict[str, Any]:
    """The plan as a transaction Bundle of about one resource for each person, goal and consent.

    Sending it twice writes the same resources twice, it makes none twice. `from_fhir` gives the same plan back.
    A mapping has its own version. `strict`: FHIR's own models look at what was made (they cost a hundred times more).
    """
    chosen = mapping or default(version)
    return _checked(chosen.to_fhir(plan), chosen.version, strict=strict)


def _checked(bundle: dict[str, Any], version: FhirVersion, *, strict: bool) -> dict[str, Any]:
    if strict:
        from ip_fhir.fhir.strict import check_models  # most callers never need it

        check_models(bundle, version)
    return bundle


def to_fhir_json(plan: IndividualPlan, mapping: Mapping | None = None, *, version: FhirVersion = "R4") -> bytes:
    """The same as JSON text in UTF-8: what is sent and stored needs no dicts in between."""
    return (mapping or default(version)).to_fhir_json(plan)


def from_fhir(
    bundle: dict[str, Any],
    mapping: Mapping | None = None,
    *,
    version: FhirVersion | None = None,
    strict: bool = False,
) -> IndividualPlan:
    """The plan in a Bundle. Raises `InvalidInput` with every problem and its FHIRPath, mixed versions among them.

    Another system's plan reads too, as `read_fhir` reads it; that one also tells what was left unread, of our own
    bundles as well. `strict`: what FHIR's own models find wrong is refused too, also where no row looks.
    """
    if strict:
        _checked(bundle, version_of(bundle, version), strict=True)
    if not is_ours(bundle):
        return read_fhir(bundle, version=version, mapping=mapping).plan
    return (mapping or default(version_of(bundle, version))).from_fhir(bundle)


def from_fhir_json(
    content: bytes, mapping: Mapping | None = None, *, version: FhirVersion | None = None
) -> IndividualPlan:
    """The same from JSON text in UTF-8, ten times as fast where the plan was written as we write them.

    Raises `InvalidInput` also for what is no JSON, or larger or deeper than `fhir.reading.Limits`.
    """
    found = (mapping or default(version or "R4")).read_fast(content)
    return from_fhir(read_json(content), mapping, version=version) if found is None else found


def put_plan(
    plan: IndividualPlan,
    bundle: dict[str, Any],
    mapping: Mapping | None = None,
    *,
    version: FhirVersion | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """The bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed.

    What the plan no longer has leaves the bundle (`left` tells what); nothing asks a server to delete it. `strict`:
    FHIR's own models look at the result, others' resources among it.
    """
    if is_ours(bundle):
        written = (mapping or default(version_of(bundle, version))).put_plan(plan, bundle)
    else:
        written = put_read(plan, bundle, version=version, mapping=mapping)
    return _checked(written, version_of(written, version), strict=strict)


def left(before: dict[str, Any], after: dict[str, Any]) -> tuple[Problem, ...]:
    """What `put_plan` took out of a bundle, as warnings by its FHIRPath in `before`.

    Nothing tells a server to delete it: what the CarePlan no longer refers to is no part of the plan, and may be part
    of something else. A goal that is given up, a review that is cancelled, a consent that is withdrawn has a status.
    """
    there = {(entry.type, entry.id) for entry in entries_of(after)}
    gone = (entry for entry in entries_of(before) if (entry.type, entry.id) not in there)
    reason = "is no part of the plan any more: it leaves the bundle, and whoever has stored it keeps it"
    return tuple(Problem(entry.at, reason, "informational", "warning") for entry in gone)


def open_plan(
    bundle: dict[str, Any], mapping: Mapping | None = None, *, version: FhirVersion | None = None
) -> OpenPlan:
    """A plan of ours in its bundle, to be changed: read once, and a put costs what has changed.

    `plan` is what the bundle says; `put(changed)` gives what `put_plan(changed, bundle)` gives.
    """
    return (mapping or default(version_of(bundle, version))).open(bundle)


def to_models(plan: IndividualPlan, mapping: Mapping | None = None, *, version: FhirVersion = "R4") -> list[BaseModel]:
    """The plan's resources as typed objects of `fhir.resources` (R4B or R5), each checked by its model."""
    chosen = mapping or default(version)
    # Heavy, and most callers never need them.
    models = import_module("fhir.resources" if chosen.version == "R5" else "fhir.resources.R4B")
    return [
        models.get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
        for entry in chosen.to_fhir(plan)["entry"]
    ]
