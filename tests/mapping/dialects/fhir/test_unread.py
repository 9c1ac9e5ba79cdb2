"""A place that was not read is told by names that FHIR has; another name may be anything, and is not repeated."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import fhir.resources
import fhir.resources.R4B

from ip_fhir.fhir.data import element_names
from ip_fhir.mapping import read_fhir, to_fhir
from tests.mapping.examples import example


def names_in(package: ModuleType) -> Iterator[str]:
    """The names of all elements in a release's models."""
    for found in pkgutil.iter_modules(package.__path__):
        if found.ispkg or found.name.startswith(("_", "core", "fhirtypes")):
            continue
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        models = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
        for model in models:
            for name, field in getattr(model, "model_fields", {}).items():
                yield (field.alias or name).removeprefix("_")


def test_the_names_are_those_of_the_models() -> None:
    """The list is made from the models of both releases: none is missing, and none is made up."""
    found = {*names_in(fhir.resources.R4B), *names_in(fhir.resources)} - {"fhir_comments"}
    assert element_names() == found


def warnings(**more: Any) -> list[str]:
    """The warnings about a plan whose first goal has more elements."""
    bundle = to_fhir(example(1))
    goal = next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Goal")
    goal.update(more)
    return [str(warning).partition(".resource.")[2] for warning in read_fhir(bundle).warnings]


def test_a_name_of_fhir_is_told_and_no_other() -> None:
    """An element is named; a word that somebody put where a name belongs is told by its position."""
    (told,) = warnings(outcomeCode=[{"text": "x"}])
    assert told.startswith("outcomeCode:")
    (told,) = warnings(KanariFugl="x")
    assert told.startswith("(key ")
    assert "Kanari" not in told
