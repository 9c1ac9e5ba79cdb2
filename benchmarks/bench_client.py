"""The client of HTTP: requests over one connection that stays open, in turns with bare `requests` to the same server.

Both are given the same header of who we are, and look for no proxy and no .netrc. Only the processor's time of this
process counts, its threads included; the server is a process of its own (`serving_floor.py`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from bench_load import serving_floor
from measuring import Figure, interleaved, medians

from ip_fhir.ports.http import HttpRequest
from ip_fhir.wire.http import Http

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TIMES = 25  # in a round
_GOAL = 1.3
_BODY = b'{"resourceType": "Bundle", "type": "transaction", "entry": []}' + b" " * 6_000
_ACCEPT = {"Accept": "application/fhir+json", "Cache-Control": "no-cache"}


def measure(quick: bool) -> Iterator[Figure]:
    """A short answer to a GET, and a POST of 6 kB with an answer of 0.9 kB, each by bare `requests`."""
    with tempfile.TemporaryDirectory() as made, serving_floor(Path(made, "server")) as server:
        base = f"http://127.0.0.1:{server.port}"
        asked = {
            "GET": HttpRequest("GET", f"{base}/health", _ACCEPT),
            "POST of 6 kB": HttpRequest("POST", f"{base}/$process-message", _ACCEPT, _BODY),
        }
        works = {f"{who} {name}": work for name, request in asked.items() for who, work in _both(request).items()}
        found = medians(interleaved(10 if quick else 60, **works), _TIMES)
    for name in asked:
        yield Figure(name, found[f"ours {name}"], "ms", floor=found[f"bare {name}"], at_most=_GOAL)


def _both(request: HttpRequest) -> dict[str, Callable[[], None]]:
    """The request performed by our client and by a session of `requests`, each so many times."""
    http, session = Http(), requests.Session()
    session.trust_env = False
    signed = {**request.headers, "Authorization": "Bearer a-token"}

    def ours() -> None:
        for _ in range(_TIMES):
            _expect(http.perform(request, token="a-token").status)

    def bare() -> None:
        for _ in range(_TIMES):
            answer = session.request(
                request.method, request.url, data=request.body, headers=signed, timeout=30, allow_redirects=False
            )
            _expect(answer.status_code if answer.content else 0)

    return {"ours": ours, "bare": bare}


def _expect(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"HTTP {status}")
