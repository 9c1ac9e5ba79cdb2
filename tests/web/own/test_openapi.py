"""The OpenAPI document: it is valid, and says of each door what the door does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import validate
from typer.testing import CliRunner

from ip_fhir.cli.app import app
from ip_fhir.web.own.openapi import all_doors, document
from tests.support.own_program import Program, done, refused

DOORS = all_doors()


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The document."""
    made: dict[str, Any] = json.loads(document())
    return made


def test_the_document_is_valid(described: dict[str, Any]) -> None:
    """It is OpenAPI 3.1, and each `$ref` of it leads somewhere."""
    validate(described)


def test_it_is_served_and_printed(municipality: Program, described: dict[str, Any]) -> None:
    """With a token it is at /own/openapi.json, and `ip-fhir openapi` prints the same."""
    assert done(municipality.without("Author-Id", "Author-Name").get("openapi.json")) == described
    refused(municipality.without("Authorization").get("openapi.json"), 401, "security")
    printed = CliRunner().invoke(app, ["openapi"])
    assert json.loads(printed.stdout_bytes) == described


def test_each_operation_has_a_name_of_its_own(described: dict[str, Any]) -> None:
    """Generated clients name their methods by it."""
    names = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names) == len(DOORS)


def test_a_resource_keeps_all_that_it_has(described: dict[str, Any]) -> None:
    """FHIR has one schema with a name, and it says that anything may stand beside `resourceType`."""
    resource = {"$ref": "#/components/schemas/FhirResource"}
    for path in ("plan-to-fhir", "message-to-fhir"):
        operation = described["paths"][f"/own/map/{path}"]["post"]
        assert operation["responses"]["200"]["content"]["application/fhir+json"]["schema"] == resource
    assert described["components"]["schemas"]["FhirResource"]["additionalProperties"] is True


def test_hl7v2_is_bytes(described: dict[str, Any]) -> None:
    """No client takes a message for a string of JSON, or for UTF-8 where MSH-18 says otherwise."""
    media = described["paths"]["/own/map/plan-to-hl7v2"]["post"]["responses"]["200"]["content"]
    assert media["x-application/hl7-v2+er7"]["schema"]["format"] == "binary"


def test_what_may_be_absent_has_no_default_of_nothing(described: dict[str, Any]) -> None:
    """A default is a word, a number or a flag: of null and lists clients make the promise that the field is there."""
    schemas = described["components"]["schemas"].values()
    defaults = [f["default"] for s in schemas for f in s.get("properties", {}).values() if "default" in f]
    assert defaults
    assert {type(default) for default in defaults} <= {str, int, bool}
    assert described["components"]["schemas"]["WantedView"]["properties"]["whole"]["default"] is True


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_each_door_is_as_described(described: dict[str, Any], door: Any) -> None:
    """Author, key, version, body, parameters and every status that it may answer with."""
    operation = described["paths"][door.path][door.method.lower()]
    headers = {one["name"]: one["required"] for one in operation["parameters"] if one["in"] == "header"}
    assert headers.get("Author-Id", False) is headers.get("Author-Name", False) is door.needs_author
    assert ("Idempotency-Key" in headers) is door.once
    assert ("If-Match" in headers) is (door.versioned and door.does is not None)
    assert ("requestBody" in operation) is (door.takes is not None)
    assert [one["name"] for one in operation["parameters"] if one["in"] == "path"] == list(door.ids)
    assert [one["name"] for one in operation["parameters"] if one["in"] == "query"] == [q.name for q in door.query]
    assert {str(door.status), "400", "401", "429", "500", "503"} <= set(operation["responses"])
    assert not door.once or door.does is not None
    assert not headers.get("If-Match", False)
    assert door.does is None or door.method != "GET"
