"""Two endpoints on one store, and two writers with one ETag: one is first, the other is told and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.exchange import Exchange
from ip_fhir.store import open_store
from ip_fhir.web.app import create_app
from tests.support.two_sides import TOKENS, Loop, unsent

AUTH = {"Authorization": f"Bearer {TOKENS['hospital']}"}
FHIR = {**AUTH, "Content-Type": "application/fhir+json"}
ROUNDS = 6


@pytest.fixture
def clients(loop: Loop, tmp_path: Path) -> Iterator[list[TestClient]]:
    """Two endpoints of the municipality, each with a store of its own in one file."""
    context = loop.municipality.exchange._context
    beside = Exchange(replace(context, store=open_store(f"sqlite:///{tmp_path / 'municipality'}.sqlite")))
    with ExitStack() as clean:
        clean.callback(beside.close)
        yield [
            clean.enter_context(TestClient(create_app(exchange), client=("127.0.0.1", 50_000)))
            for exchange in (loop.municipality.exchange, beside)
        ]


def put_at_once(clients: list[TestClient], path: str, bodies: list[dict[str, Any]], tag: str) -> list[Any]:
    """The answers to both, who put at the same moment, each with the same version in `If-Match`."""
    together = Barrier(len(clients))

    def put(client: TestClient, body: dict[str, Any]) -> Any:
        together.wait(20)
        return client.put(path, json=body, headers={**FHIR, "If-Match": tag})

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(put, clients, bodies))


@pytest.mark.parametrize("type_", ["Task", "ServiceRequest"])
def test_one_of_two_with_the_same_etag_is_first(clients: list[TestClient], loop: Loop, type_: str) -> None:
    """One gets 200 and the next version, the other 412 and puts again on that: what each wrote stands, once."""
    one = clients[0]
    one.post("/$process-message", content=unsent(loop, "01"), headers=FHIR)
    task = one.get("/Task", headers=AUTH).json()["entry"][0]["resource"]
    path = f"/Task/{task['id']}" if type_ == "Task" else f"/{task['focus']['reference']}"
    written: list[str] = []
    for number in range(ROUNDS):
        before = one.get(path, headers=AUTH)
        said = [f"{number} {who}" for who in ("første", "andre")]
        bodies = [{**before.json(), "note": [*before.json().get("note", []), {"text": text}]} for text in said]
        answers = put_at_once(clients, path, bodies, before.headers["etag"])
        assert sorted(answer.status_code for answer in answers) == [200, 412], [answer.text for answer in answers]
        first = next(who for who, answer in enumerate(answers) if answer.status_code == 200)
        assert answers[1 - first].json()["issue"][0]["code"] == "conflict"
        stands = clients[1 - first].get(path, headers=AUTH)
        assert stands.json() == answers[first].json()
        assert stands.headers["etag"] == answers[first].headers["etag"] != before.headers["etag"]
        again = {**stands.json(), "note": [*stands.json()["note"], {"text": said[1 - first]}]}
        put = clients[1 - first].put(path, json=again, headers={**FHIR, "If-Match": stands.headers["etag"]})
        assert put.status_code == 200, put.text
        written += [said[first], said[1 - first]]
    for client in clients:
        assert [note["text"] for note in client.get(path, headers=AUTH).json()["note"]] == written
    assert loop.municipality.exchange.store.verify() == ()
