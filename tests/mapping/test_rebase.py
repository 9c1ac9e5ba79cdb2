"""A change brought onto a bundle that somebody else has changed meanwhile: both changes stand, conflicts are told."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, from_fhir, to_fhir, update_bundle
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import PLANS, example

NEIGHBOURS = sorted((PLANS[0].parents[1] / "neighbours").glob("*.json"))


@pytest.mark.parametrize("version", VERSIONS)
def test_both_changes_stand(version: FhirVersion) -> None:
    """Ours to the title, theirs to a goal: the bundle says both, and what else they put there is kept."""
    before = example(1)
    goal, *others = before.goals
    theirs = before.evolve(goals=(goal.evolve(note="Ikke på fredager"), *others))
    bundle_now = update_bundle(to_fhir(before, version=version), theirs)
    bundle_now["entry"][0]["resource"]["unmapped"] = "theirs"
    kept = deepcopy(bundle_now)
    found = default(version).rebase(before, before.evolve(title="Min plan"), bundle_now)
    assert found.merged.conflicts == ()
    assert found.merged.plan == theirs.evolve(title="Min plan") == from_fhir(found.bundle, version=version)
    assert found.bundle["entry"][0]["resource"]["unmapped"] == "theirs"
    assert bundle_now == kept


def test_a_conflict_is_told_and_the_bundle_keeps_its_word() -> None:
    """Two titles: theirs stands in the bundle, which stays as it is."""
    before = example(1)
    bundle_now = update_bundle(to_fhir(before), before.evolve(title="Deres plan"))
    found = default().rebase(before, before.evolve(title="Min plan"), bundle_now)
    assert [conflict.field for conflict in found.merged.conflicts] == ["title"]
    assert found.bundle == bundle_now


def test_nothing_changed_changes_nothing() -> None:
    """Without a change of ours the bundle stays, whatever they have changed."""
    before = example(3)
    bundle_now = update_bundle(to_fhir(before), before.evolve(title="Deres plan"))
    assert default().rebase(before, before, bundle_now).bundle == bundle_now


@pytest.mark.parametrize("file", NEIGHBOURS[:2], ids=lambda file: file.stem)
def test_another_systems_bundle(file: Path) -> None:
    """Their title changed meanwhile and a measure of ours ended: both stand, in their way of writing."""
    bundle: dict[str, Any] = orjson.loads(file.read_bytes())
    before = from_fhir(bundle)
    after = before.evolve(measures=before.measures[:-1])
    bundle_now = update_bundle(bundle, before.evolve(title="Deres plan"))
    found = default().rebase(before, after, bundle_now)
    assert found.merged.conflicts == ()
    assert from_fhir(found.bundle) == after.evolve(title="Deres plan")


def test_a_bundle_of_somebody_else_is_refused() -> None:
    """Another person's plan is no later version of this one."""
    with pytest.raises(InvalidInput):
        default().rebase(example(1), example(1).evolve(title="Min plan"), to_fhir(example(3)))
