"""Somebody who asks an endpoint by FHIR REST, with a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.testclient import TestClient

FHIR = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Caller:
    """Asks an endpoint whose own address is `base`; takes paths and addresses that it gave."""

    client: TestClient
    token: str
    base: str

    def ask(self, method: str, url: str, *, kind: str | None = None, content: Any = None, **headers: str) -> Any:
        """The answer to a request; `If_Match` names the header If-Match. Content is JSON, or a form's fields."""
        sent = {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if kind is not None:
            sent["Content-Type"] = kind
        path = "/" + url.removeprefix(self.base).removeprefix("/")
        if kind == FORM:
            return self.client.request(method, path, content=urlencode(content), headers=sent)
        return self.client.request(method, path, json=content, headers=sent)

    def get(self, url: str, **headers: str) -> Any:
        """The answer to a GET."""
        return self.ask("GET", url, **headers)

    def found(self, query: str, **headers: str) -> Any:
        """The searchset of a search that must succeed."""
        answer = self.get(query, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def form(self, url: str, **fields: str) -> Any:
        """The answer to a form; `patient_identifier` is the parameter `patient:identifier`."""
        named = {name.replace("_identifier", ":identifier"): value for name, value in fields.items()}
        return self.ask("POST", url, kind=FORM, content=named)

    def put(self, url: str, resource: Any, **headers: str) -> Any:
        """The answer to an update."""
        return self.ask("PUT", url, kind=FHIR, content=resource, **headers)

    def post(self, url: str, resource: Any, **headers: str) -> Any:
        """The answer to what is posted."""
        return self.ask("POST", url, kind=FHIR, content=resource, **headers)

    def patch(self, url: str, operations: Any, **headers: str) -> Any:
        """The answer to a JSON Patch."""
        return self.ask("PATCH", url, kind=JSON_PATCH, content=operations, **headers)


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    """The ids of a searchset's resources that were found, or that go along."""
    return [one["resource"]["id"] for one in bundle.get("entry", []) if one["search"]["mode"] == mode]


def link(bundle: dict[str, Any], relation: str) -> str | None:
    """The URL of a link of a Bundle."""
    return next((str(one["url"]) for one in bundle["link"] if one["relation"] == relation), None)


def refused(response: Any, status: int, code: str) -> str:
    """Check an error: its status, an OperationOutcome with that code. Returns its words."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith(FHIR)
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == code
    return str(outcome["issue"][0]["diagnostics"])
