"""Our FHIR package: the same bytes each time, every definition in it with a snapshot, and an index that is right."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.fhir.strict import check_models
from tests.conformance import tools
from tests.conformance.build_profiles import build, built
from tests.conformance.judge import Validator
from tests.conformance.package.contents import NAME, archive, files
from tests.conformance.sources import Sources
from tests.support.gate import require

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]


@pytest.fixture(scope="module")
def contents(checkout: Path) -> dict[str, bytes]:
    """The files, with the definitions as they ship: without snapshots, which need the compiler."""
    return files(checkout, [json.loads(text) for text in built(checkout).values()])


def read(contents: dict[str, bytes], name: str) -> Any:
    """A file of the package."""
    return json.loads(contents[name])


def of_type(contents: dict[str, bytes], type_: str) -> list[Any]:
    """The definitions of a type."""
    return [read(contents, name) for name in contents if name.startswith(f"package/{type_}-")]


def test_the_same_bytes(checkout: Path, contents: dict[str, bytes]) -> None:
    """In whatever order the definitions come; no time, user or machine is in it."""
    backwards = [json.loads(text) for text in built(checkout).values()][::-1]
    made = archive(contents)
    assert archive(files(checkout, backwards)) == made
    with tarfile.open(fileobj=io.BytesIO(made)) as tar:
        members = tar.getmembers()
    assert {(one.mtime, one.uid, one.gid, one.uname, one.gname) for one in members} == {(0, 0, 0, "", "")}
    assert made[4:8] == b"\0\0\0\0"


def test_the_manifest_comes_first(checkout: Path, contents: dict[str, bytes]) -> None:
    """A reader that streams finds the name, the version and R4 at once."""
    assert next(iter(contents)) == "package/package.json"
    manifest = read(contents, "package/package.json")
    assert (manifest["name"], manifest["version"]) == (NAME, Sources(checkout).version)
    assert (manifest["fhirVersions"], manifest["dependencies"]) == (["4.0.1"], {"hl7.fhir.r4.core": "4.0.1"})
    assert manifest["canonical"] == Sources(checkout).base


def test_every_definition_is_in_it(checkout: Path, contents: dict[str, bytes]) -> None:
    """Each that ships, each search parameter, and a statement for each role."""
    shipped = [json.loads(text) for text in built(checkout).values()]
    shipped += [json.loads(file.read_bytes()) for file in (checkout / "mappings" / "search_parameters").glob("*.json")]
    for one in shipped:
        assert read(contents, f"package/{one['resourceType']}-{one['id']}.json") == one
    roles = {one["id"] for one in of_type(contents, "CapabilityStatement")}
    assert roles == {"ip-hospital", "ip-municipality", "ip-plan-party", "ip-plan-server"}


@pytest.mark.parametrize("folder", ["package", "package/example"])
def test_the_index_names_each_file(contents: dict[str, bytes], folder: str) -> None:
    """And no other: with the type and the id that the file itself has."""
    index = read(contents, f"{folder}/.index.json")
    there = {name for name in contents if name.rpartition("/")[0] == folder}
    listed = {f"{folder}/{one['filename']}" for one in index["files"]}
    assert there - listed == {f"{folder}/.index.json"} | ({"package/package.json"} if folder == "package" else set())
    assert listed <= there
    for one in index["files"]:
        resource = read(contents, f"{folder}/{one['filename']}")
        assert (one["resourceType"], one["id"]) == (resource["resourceType"], resource["id"])


def test_the_statements_name_what_is_there(checkout: Path, contents: dict[str, bytes]) -> None:
    """Each is a requirement, valid by FHIR's own model; what it points to under our base is in the package."""
    base = Sources(checkout).base
    urls = {json.loads(text).get("url") for name, text in contents.items() if name.count("/") == 1}
    for statement in of_type(contents, "CapabilityStatement"):
        check_models({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": statement}]}, "R4")
        assert statement["kind"] == "requirements"
        (rest,) = statement["rest"]
        for resource in rest["resource"]:
            named = [
                *resource.get("supportedProfile", ()),
                *(one["definition"] for one in resource.get("operation", ())),
            ]
            named += [one["definition"] for one in resource["searchParam"] if "definition" in one]
            assert {one for one in named if one.startswith(base)} <= urls


def test_the_two_sides_send_what_the_other_takes(contents: dict[str, bytes]) -> None:
    """The hospital sends the notice and takes the green form; what one sends, the other takes."""
    said = {one["id"]: one["messaging"][0]["documentation"] for one in of_type(contents, "CapabilityStatement")[:2]}
    hospital, municipality = (said[name].split(". ") for name in ("ip-hospital", "ip-municipality"))
    assert "notice" in hospital[0].removeprefix("Sends ").split(", ")
    assert "green-form" in municipality[0].removeprefix("Sends ").split(", ")
    assert hospital[0].removeprefix("Sends ") == municipality[1].removeprefix("Takes ")
    assert municipality[0].removeprefix("Sends ") == hospital[1].removeprefix("Takes ")


def test_snapshots(checkout: Path) -> None:
    """The compiler adds them, and of the base the mappings that they name; each has all that the definition says."""
    missing = tools.missing("java", "mvn", "node", "npm")
    require(not missing, f"{missing}: install a JDK (17 or newer), Maven and Node")
    shipped = {name: json.loads(text) for name, text in built(checkout).items()}
    for name, text in build(checkout, snapshots=True).items():
        one = json.loads(text)
        snapshot, mappings = one.pop("snapshot", None), one.pop("mapping", [])
        assert all(mapping in mappings for mapping in shipped[name].pop("mapping", []))
        assert one == shipped[name]
        if one["resourceType"] == "StructureDefinition":
            whole = {element["id"] for element in snapshot["element"]}
            assert whole >= {element["id"] for element in one["differential"]["element"]}


def test_the_validator_has_nothing_against_them(validator: Validator, contents: dict[str, bytes]) -> None:
    """Statements, operation and search parameters are valid R4."""
    judged = [
        one
        for type_ in ("CapabilityStatement", "OperationDefinition", "SearchParameter")
        for one in of_type(contents, type_)
    ]
    found = [str(issue) for issues in validator.judge_all(judged) for issue in issues if issue.bad]
    assert found == []
