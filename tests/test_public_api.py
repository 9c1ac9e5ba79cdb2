"""The public names: pinned, importable, documented; `ip_fhir.model` has all that a field can hold, and nothing else."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import typing
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ip_fhir
from ip_fhir import model, new_id
from ip_fhir.domain.values.ids import Identifier
from ip_fhir.model import Need
from tests.support.domain_types import domain_types
from tests.support.reach import types_in

NAMES = [
    "Conflict",
    "ConsentRefused",
    "Exchange",
    "GreenForm",
    "IndividualPlan",
    "InvalidInput",
    "IpFhirError",
    "LoopError",
    "Mapper",
    "MappingError",
    "Notice",
    "PeerError",
    "PlanView",
    "Problem",
    "Rejected",
    "Settings",
    "Share",
    "StoreError",
    "Unavailable",
    "completeness",
    "difference",
    "from_fhir",
    "from_fhir_json",
    "lens",
    "merge",
    "message_from_fhir",
    "message_to_fhir",
    "missing_items",
    "new_id",
    "open_exchange",
    "open_plan",
    "permits",
    "plan_document",
    "plan_document_reference",
    "put_back",
    "put_plan",
    "read",
    "read_fhir",
    "read_settings",
    "rebase",
    "removed_entries",
    "see",
    "to_fhir",
    "to_fhir_json",
    "to_models",
    "update_bundle",
]

# What `permits`, `consent_matrix`, `difference` and `merge` take and give is no field of anything.
GIVEN = {"AccessRequest", "Allowed", "Refused", "Cell", "ConsentMatrix", "Seer"} | {
    *("Change", "MergeConflict", "Merged", "Place")
}


def test_pinned() -> None:
    """A name that comes or goes is a decision: it is made here too. Each has its lines in order."""
    assert ip_fhir.__all__ == NAMES
    assert list(ip_fhir._HOME) == NAMES
    assert set(NAMES) <= set(dir(ip_fhir))


@pytest.mark.parametrize("name", NAMES)
def test_importable_documented_typed(name: str) -> None:
    """Each name is there, says in its first line what it is, and a function has a type for each argument and result."""
    found = getattr(ip_fhir, name)
    assert (inspect.getdoc(found) or "").splitlines()[0].strip()
    if inspect.isfunction(found):
        hints = found.__annotations__
        assert {*inspect.signature(found).parameters, "return"} <= set(hints)


def test_type_checkers_see_the_same_names() -> None:
    """The imports for type checkers name what is exported, each from the module where it is found at run time."""
    tree = ast.parse(Path(ip_fhir.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: f"{node.module}" for node in imports for alias in node.names}
    assert seen == {name: f"ip_fhir.{home}" for name, home in ip_fhir._HOME.items()}


def test_a_name_that_is_not_there() -> None:
    """It is an AttributeError, as of any module."""
    with pytest.raises(AttributeError, match="module 'ip_fhir' has no attribute 'to_fihr'"):
        _ = ip_fhir.to_fihr  # type: ignore[attr-defined]


def test_importing_it_loads_nothing() -> None:
    """`import ip_fhir` loads no module of ours, and no library."""
    code = "import sys, ip_fhir; print([n for n in sys.modules if n.partition('.')[0] in ('ip_fhir', 'pydantic')])"
    told = subprocess.run([sys.executable, "-Ic", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "['ip_fhir']"


# --- ip_fhir.model -----------------------------------------------------------------------------------


def test_the_model_has_what_a_caller_needs() -> None:
    """Every value and enumeration of the domain but those of its inner rooms, with all that a field can hold."""
    inner = (".loop.", ".sharing.life.", ".sharing.lens.")
    public = [one for one in domain_types() if not any(room in one.__module__ for room in inner)]
    domain = [*public, model.WorklistItem]
    held = {one for whole in domain for one in types_in(whole)}
    held |= {one for whole in domain for one in _identifiers(whole)}
    assert set(model.__all__) == {one.__name__ for one in held} | GIVEN | {"new_id"}
    assert model.__all__ == sorted(model.__all__)


def _identifiers(whole: type[Any]) -> set[type[Any]]:
    fields = getattr(whole, "model_fields", {}).values()
    parts = [part for field in fields for part in (field.annotation, *typing.get_args(field.annotation))]
    return {part for part in parts if isinstance(part, type) and issubclass(part, Identifier)}


@pytest.mark.parametrize("name", sorted(set(model.__all__) - {"new_id"}))
def test_each_is_the_domains_own(name: str) -> None:
    """It is the class that the domain defines, under its own name, with a docstring."""
    found = getattr(model, name)
    assert found.__module__.startswith("ip_fhir.domain.")
    assert getattr(import_module(found.__module__), name) is found
    assert found.__doc__
    assert name not in GIVEN or is_dataclass(found) or issubclass(found, tuple)


def test_a_new_id() -> None:
    """It is an id as a plan takes it, as text, and another each time."""
    made = {new_id() for _ in range(1000)}
    assert len(made) == 1000
    assert {Need(id=ident, text="x").id for ident in made} == made
