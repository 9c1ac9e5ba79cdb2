"""FHIR's own models (fhir.resources) as judges of a bundle: elements, types and cardinality. No meaning.

They do not check required codes; the mapping's closed code tables do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import ValidationError

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Release: TypeAlias = Literal["R4", "R5"]
_MODELS = {"R4": "fhir.resources.R4B", "R5": "fhir.resources"}  # heavy: imported when asked for
_PARTS = 20  # of problems told of one resource


def check_models(bundle: Any, release: Release = "R4") -> None:
    """Raises `InvalidInput` with what FHIR's own models find wrong in the resources of a bundle, by FHIRPath."""
    if problems := list(model_problems(bundle, release)):
        raise InvalidInput(problems)


def model_problems(bundle: Any, release: Release = "R4") -> Iterator[Problem]:
    """Yields the problems that FHIR's own models find in a bundle's resources, without the values."""
    models = import_module(_MODELS[release])
    for entry in entries_of(bundle):
        try:
            model = models.get_fhir_model_class(entry.type)
        except (KeyError, ValueError):
            yield Problem(f"{entry.at}.resourceType", f"is no FHIR {release} resource type", "code-invalid")
            continue
        try:
            model.model_validate(entry.resource)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False, include_context=False)[:_PARTS]:
                at = ".".join([entry.at, *(str(step) for step in found["loc"])])
                yield Problem(at, f"FHIR: {found['type'].replace('_', ' ').replace('.', ' ')}", "structure")
