"""The files of our FHIR package, and the .tgz that holds them: the same bytes from the same sources.

https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

from ip_fhir.web.plans import change_operation, view_operation
from tests.conformance import made
from tests.conformance.package.capabilities import capability_statements
from tests.conformance.sources import PUBLISHED, Sources

JsonObject = dict[str, Any]

NAME: Final = "ip-fhir.r4"
_INDEXED: Final = ("id", "url", "version", "kind", "type")
_EXAMPLES: Final = "package/example"


def files(checkout: Path, definitions: list[JsonObject]) -> dict[str, bytes]:
    """Every file of the package by its name; `definitions` are those that SUSHI made, with snapshots."""
    sources = Sources(checkout)
    parameters = [json.loads(file.read_bytes()) for file in (sources.mappings / "search_parameters").glob("*.json")]
    ours = [
        view_operation(sources.base),
        change_operation(sources.base),
        *capability_statements(sources.base, sources.version),
    ]
    whole = {f"{one['resourceType']}-{one['id']}.json": one for one in (*definitions, *parameters, *ours)}
    shown = {f"{one['resourceType']}-{one['id']}.json": one for one in examples(checkout)}
    return {
        "package/package.json": _text(manifest(sources)),
        "package/.index.json": _text(_index(whole)),
        **{f"package/{name}": _text(whole[name]) for name in sorted(whole)},
        f"{_EXAMPLES}/.index.json": _text(_index(shown)),
        **{f"{_EXAMPLES}/{name}": _text(shown[name]) for name in sorted(shown)},
    }


def manifest(sources: Sources) -> JsonObject:
    """The package.json."""
    return {
        "name": NAME,
        "version": sources.version,
        "description": "Individual plans and the green form loop between hospital and municipality, in FHIR R4",
        "author": "ip_fhir contributors",
        "license": "MIT",
        "canonical": sources.base,
        "type": "Conformance",
        "date": PUBLISHED.replace("-", "") + "000000",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
        "directories": {"lib": "package", "example": "example"},
    }


def examples(checkout: Path) -> list[JsonObject]:
    """The example plans, notices, forms and messages, each with an id by which it is found in the package."""
    found = list(made.example_bundles(checkout))
    return [{**one, "id": f"example-{number:02}"} for number, one in enumerate(found, 1)]


def archive(contents: dict[str, bytes]) -> bytes:
    """The .tgz of these files, in the order in which they are given: no clock, no user and no machine is in it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(plain.getvalue())
    return packed.getvalue()


def _index(resources: dict[str, JsonObject]) -> JsonObject:
    """The .index.json of a folder: the place of each resource, without opening it."""
    listed = [
        {"filename": name, "resourceType": one["resourceType"]} | {key: one[key] for key in _INDEXED if key in one}
        for name, one in sorted(resources.items())
    ]
    return {"index-version": 1, "files": listed}


def _text(value: JsonObject) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
