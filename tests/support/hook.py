"""The server of a client that has subscribed: it notes each notification, and answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network
from typing import Any, NamedTuple

import orjson

from ip_fhir.exchange import Exchange
from ip_fhir.exchange.subscriptions.endpoints import Endpoints
from ip_fhir.ports.subscriptions import KeptSubscription, Subscription
from tests.support.loopback import listening
from tests.support.two_sides import Side

LOOPBACK = Endpoints((ip_network("127.0.0.0/8"),))
"""The addresses of tests may be notified."""


class Notification(NamedTuple):
    """One that came: its method, its path, the header Authorization, and the resource in it."""

    method: str
    path: str
    authorization: str | None
    resource: dict[str, Any] | None


@dataclass
class Hook:
    """A receiver. `status` is its answer; while `held` is set it gives none."""

    status: int = 200
    came: list[Notification] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    also: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def methods(self) -> list[str]:
        """The methods of all that came."""
        return [one.method for one in self.came]

    def resources(self) -> list[tuple[str, str]]:
        """Type and version of the resources that came, each with its id before the slash."""
        found = [one.resource for one in self.came if one.resource is not None]
        return [(one["id"], one["meta"]["versionId"]) for one in found]


@contextmanager
def hook(port: int = 0) -> Iterator[Hook]:
    """A receiver on a loopback port until the block ends."""
    receiver = Hook()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            resource = orjson.loads(body) if body else None
            receiver.came.append(Notification(self.command, self.path, self.headers.get("Authorization"), resource))
            if receiver.held.is_set():
                receiver.released.wait(30)
            self.send_response(receiver.status)
            for name, value in receiver.also.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            self._take()

        def do_PUT(self) -> None:
            self._take()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    with listening(Handler, receiver.released, port) as receiver.port:
        yield receiver


def wanted(url: str, criteria: str = "Task?", **channel: Any) -> dict[str, Any]:
    """A Subscription as a client writes it."""
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To see what becomes of our notices",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": url, **channel},
    }


def subscribed(exchange: Exchange, url: str, client: str, id_: str = "s", **more: Any) -> KeptSubscription:
    """A subscription of a client that is kept from now on; by default to all its Tasks."""
    fields: dict[str, Any] = {"type": "Task", "criteria": {}, "payload": False, "body": wanted(url)}
    fields |= {"updated": exchange.now(), **more}
    return exchange.subscriptions.add(Subscription(id=id_, client=client, endpoint=url, **fields))


def database_of(side: Side) -> Any:
    """The database of a side, past its store."""
    return side.store._store._database  # type: ignore[attr-defined]
