"""Codes and actors against what others publish: Norwegian code lists and no-basis profiles, HL7's code systems."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import made, tools
from tests.conformance.judge import Validator, Verdict
from tests.conformance.sources import EMPTY_PACKAGES, Code, Sources
from tests.support.gate import require

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

NO_BASIS = "http://hl7.no/fhir/StructureDefinition/no-basis-"
# The value set of all municipality numbers is the mapping authority's; no-basis names it, nobody ships it.
MUNICIPALITIES = "kommunenummer-alle' not found"
ACTORS = ("Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization")


def hl7_codes(sources: Sources) -> dict[str, list[Code]]:
    """The codes of our tables that are HL7's, by the URI of their system."""
    found: dict[str, list[Code]] = {}
    for code in (code for table in sources.code_tables() for code in table.codes):
        uri = sources.uri(code.system[1:]) if code.system.startswith("$") else code.system
        if "hl7.org/" in uri:
            found.setdefault(uri, []).append(code)
    return found


def test_norwegian_codes(shared_data: Path, sources: Sources) -> None:
    """Every code of a national list that we write is in that list, with that display."""
    lists = json.loads((shared_data / "codelists.json").read_text(encoding="utf-8"))["norway"]
    published = {f"urn:oid:{one['oid']}": one["codes"] for one in lists.values()}
    ours = sources.national_codes()
    assert len(ours) > 2
    wrong = {
        (system, code): display
        for system, codes in ours.items()
        for code, display in codes.items()
        if published[system].get(code) != display
    }
    assert wrong == {}


def test_hl7_codes(sources: Sources) -> None:
    """Every code of HL7 that we write is in its code system, with that display where we give one."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    packages = tools.fhir_home(EMPTY_PACKAGES) / ".fhir" / "packages"
    core = next(packages.glob("hl7.fhir.r4.core#*")) / "package"
    published = {one["url"]: one for one in map(_json, core.glob("CodeSystem-*.json")) if "url" in one}
    ours = hl7_codes(sources)
    assert len(ours) > 10
    wrong = []
    for system, codes in ours.items():
        known = dict(_concepts(published[system].get("concept", [])))
        wrong += [(system, c.code, c.display, known.get(c.code)) for c in codes if _differs(c, known)]
    assert wrong == []


def _differs(code: Code, known: dict[str, str]) -> bool:
    """A code that is not there, or has another display; a table that gives none repeats the code."""
    return code.code not in known or code.display not in (code.code, known[code.code])


def _json(file: Path) -> made.JsonObject:
    found: made.JsonObject = json.loads(file.read_text(encoding="utf-8"))
    return found


def _concepts(concepts: list[made.JsonObject]) -> Iterator[tuple[str, str]]:
    for concept in concepts:
        yield concept["code"], concept.get("display", "")
        yield from _concepts(concept.get("concept", []))


def test_actors_follow_no_basis(
    shared_data: Path, checkout: Path, definitions: list[Path], tmp_path: Path, verdict: Verdict
) -> None:
    """Every person and organisation of the examples and of generated plans is valid by HL7 Norway's profiles."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    bundles = [*made.example_bundles(checkout), *made.generated_plans(100)]
    actors = [r for r in made.shapes_of(made.singles(iter(bundles))) if r["resourceType"] in ACTORS]
    assert {actor["resourceType"] for actor in actors} == set(ACTORS)
    found: set[str] = set()
    with Validator([*definitions, *_readable(shared_data / "norway-fhir" / "no-basis" / "json", tmp_path)]) as national:
        for type_ in ACTORS:
            mine = [actor for actor in actors if actor["resourceType"] == type_]
            for issues in national.judge_all(mine, NO_BASIS + type_):
                found.update(f"{type_}: {o}" for o in verdict.objections(issues) if MUNICIPALITIES not in o)
    assert found == set()


def _readable(directory: Path, into: Path) -> Iterator[Path]:
    """The definitions of a directory that are resources of the kinds that the validator needs."""
    for file in sorted(directory.glob("*.json")):
        definition = _json(file)
        if definition.get("resourceType") in ("StructureDefinition", "ValueSet", "CodeSystem"):
            (into / file.name).write_text(json.dumps(definition), encoding="utf-8")
    yield into
