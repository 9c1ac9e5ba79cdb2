"""The individual plan as one FHIR transaction Bundle, and back, by one set of tables.

"A Bundle of ours" is one written as these tables write; other systems' Bundles are read by `foreign`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import is_certain
from ip_fhir.mapping.bundle.open_plan import OpenPlan, put_onto
from ip_fhir.mapping.bundle.reads import LensesNeeded, Reads, StandDown

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic import BaseModel

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.variants import FhirVersion


def to_fhir_json(plan: IndividualPlan, compiled: Compiled) -> bytes:
    """The plan as the UTF-8 JSON text of a transaction Bundle. Raises `InvalidInput` if the tables have no code."""
    return compiled.assembly("plan").json(plan, compiled.systems.base)


def from_fhir(content: BundleContent, compiled: Compiled) -> IndividualPlan:
    """Read the plan in a Bundle of ours by the lenses. Raises `InvalidInput` with every problem and its FHIRPath."""
    return compiled.assembly("plan").value(IndividualPlan, content)


def read_fast(content: bytes, compiled: Compiled, reads: Reads) -> IndividualPlan | None:
    """Read the plan in JSON text by the fast reader; None if the lenses must read instead. Counts the read.

    None, too, for text that is no JSON or has a key twice: `read_json` says where.
    """
    if not is_certain(content):
        reads.add(StandDown.TEXT)
        return None
    return _read_fast(content, compiled, reads)


def _read_fast(content: bytes, compiled: Compiled, reads: Reads) -> IndividualPlan | None:
    """`read_fast` of text that no key stands twice in."""
    if compiled.fast is None:
        reads.add(StandDown.TABLES)
        return None
    try:
        plan: IndividualPlan = compiled.fast.read(content)
    except LensesNeeded as needed:
        reads.add(needed.reason)
        return None
    reads.add(None)
    return plan


def put_plan(
    plan: IndividualPlan,
    content: BundleContent,
    compiled: Compiled,
    reads: Reads,
    released: Collection[LocatingPart] = (),
) -> dict[str, Any]:
    """Return a copy of a Bundle of ours, changed so that it says what `plan` says, and nowhere else.

    What leads to a person with a protected address stays as it is there, but for the parts in `released`. For that the
    plan in the bundle must be readable: raises `InvalidInput` if it is not.
    """
    known = _read_if_certain(content, compiled, reads)
    if known is None and withheld(plan, released) is not plan:
        known = from_fhir(content, compiled)
    if known is None:
        return put_onto(compiled.assembly("plan"), plan, content)
    return OpenPlan(compiled.assembly("plan"), content, known, released).put(plan)


def open_plan(
    content: BundleContent, compiled: Compiled, reads: Reads, released: Collection[LocatingPart] = ()
) -> OpenPlan:
    """Open the plan in a Bundle of ours, to be changed. Raises `InvalidInput` like `from_fhir`."""
    plan = _read_if_certain(content, compiled, reads) or from_fhir(content, compiled)
    return OpenPlan(compiled.assembly("plan"), content, plan, released)


def _read_if_certain(content: BundleContent, compiled: Compiled, reads: Reads) -> IndividualPlan | None:
    """The plan if the fast reader can read the bundle, else None. Counts the read."""
    try:
        text = dumps(content.bundle)
    except TypeError:  # a value that no JSON text has: the lenses say what is wrong
        reads.add(StandDown.DOUBT)
        return None
    return _read_fast(text, compiled, reads)


def removed_entries(before: dict[str, Any], after: dict[str, Any]) -> tuple[Problem, ...]:
    """The entries of `before` that are not in `after`, as warnings by their FHIRPath in `before`.

    Nothing asks a server to delete them: a resource that the CarePlan no longer refers to may be part of something
    else. A goal that is given up, a review that is cancelled or a consent that is withdrawn stays, with a status.
    """
    there = {(entry.type, entry.id) for entry in entries_of(after)}
    gone = (entry for entry in entries_of(before) if (entry.type, entry.id) not in there)
    reason = "is no part of the plan any more: it leaves the bundle, and whoever has stored it keeps it"
    return tuple(Problem(entry.at, reason, "informational", "warning") for entry in gone)


def to_models(bundle: dict[str, Any], version: FhirVersion) -> list[BaseModel]:
    """The resources of a bundle as typed objects of `fhir.resources` (R4B or R5), each checked by its model."""
    # Imported here: the models are large, and most callers never need them.
    models = import_module("fhir.resources" if version == "R5" else "fhir.resources.R4B")
    return [
        models.get_fhir_model_class(entry["resource"]["resourceType"]).model_validate(entry["resource"])
        for entry in bundle["entry"]
    ]


def checked(bundle: dict[str, Any], version: FhirVersion, *, strict: bool) -> dict[str, Any]:
    """Return the bundle; with `strict`, check it by FHIR's own models. Raises `InvalidInput` if they refuse it."""
    if strict:
        from ip_fhir.fhir.strict import check_models  # most callers never need it

        check_models(bundle, version)
    return bundle
