"""A program of our own that asks its side by HTTP, with a token and for a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from ip_fhir.exchange import Exchange
from ip_fhir.settings import HttpSettings
from ip_fhir.web.own.app import create_own_app
from ip_fhir.web.protection import Protection

TOKEN = "token-of-the-record-system"
PROBLEM = "application/problem+json"
AUTHOR = {"Author-Id": "nina01", "Author-Name": "Nina%20%C3%85s"}


@dataclass
class Program:
    """Asks with a token and an author; `headers` are sent with each request."""

    client: TestClient
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}", **AUTHOR})

    def get(self, path: str, **headers: str) -> Any:
        """The answer to a GET below /own."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, content: Any = None, **headers: str) -> Any:
        """The answer to a POST below /own; content is a domain value, JSON data or bytes."""
        return self.ask("POST", path, content, **headers)

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> Any:
        """The answer to a request; `If_Match` names the header If-Match."""
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        url = path if path.startswith("/own") else f"/own/{path}"
        if content is None:
            return self.client.request(method, url, headers=sent)
        sent = {"Content-Type": "application/json", **sent}
        if hasattr(content, "to_json"):
            content = content.to_json().encode()
        if isinstance(content, bytes):
            return self.client.request(method, url, content=content, headers=sent)
        return self.client.request(method, url, json=content, headers=sent)

    def without(self, *names: str) -> Program:
        """The same program, which does not send these headers."""
        return Program(self.client, {name: value for name, value in self.headers.items() if name not in names})


def program_of(exchange: Exchange, **http: Any) -> Program:
    """A program of this side; `http` are the bounds of the server that it asks."""
    protection = Protection.of(HttpSettings.model_validate(http), exchange.limits)
    app = create_own_app(exchange, {"record-system": TOKEN, "other": f"other-{TOKEN}"}, protection)
    return Program(TestClient(app, raise_server_exceptions=False))


def done(answer: Any, status: int = 200) -> Any:
    """The JSON of an answer that must be this one."""
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: Any, status: int, code: str, path: str | None = None) -> dict[str, Any]:
    """Check a refusal: its status, problem details with this code, perhaps at this place. Returns the details."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    details: dict[str, Any] = answer.json()
    assert details["status"] == status
    assert details["type"] == f"urn:ip-fhir:problem:{code}"
    if path is not None:
        assert path in [one["path"] for one in details["problems"]]
    return details
