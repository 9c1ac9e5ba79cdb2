"""The application for programs of our own: who asks, what they ask for, and the answer. It decides nothing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from ip_fhir.domain.values.value import Id
from ip_fhir.exchange.access.deeds import Deed, Repeated, doing
from ip_fhir.web.answers import guarded
from ip_fhir.web.own.doors import Asked
from ip_fhir.web.own.headers import KEY, author_in, deed_in
from ip_fhir.web.own.openapi import all_doors, document
from ip_fhir.web.own.problems import from_router, refusal
from ip_fhir.web.requests import BadRequest, require_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from ip_fhir.exchange import Exchange
    from ip_fhir.web.own.doors import Door
    from ip_fhir.web.protection import Protection

BY_SOCKET: Final = "socket"
"""The name of a program that came by the socket file and shows no token."""

_AT_A_TIME: Final = 16
"""Requests of our own programs that are worked on at a time: parties' requests have threads of their own."""

_IDS: Final = TypeAdapter(Id)


def create_own_app(
    exchange: Exchange, programs: Mapping[str, str], protection: Protection, *, by_socket: bool = False
) -> Starlette:
    """The application: `programs` are the tokens by the names of the programs that show them.

    With `by_socket` a request without a token is let in, since the file that it came by keeps others out. `protection`
    is its own, not that of the endpoint for peers: `Protection.of(settings.own.http(settings.http), exchange.limits)`.
    """
    doors = all_doors(exchange)
    entrance = _Entrance(exchange, dict(programs), protection, by_socket=by_socket)
    by_path: dict[str, dict[str, Door]] = {}
    for door in doors:
        by_path.setdefault(door.path, {})[door.method] = door
    wrapped = partial(guarded, protection.refused, speaks_json=False, refusal=refusal)
    routes = [
        Route(path, wrapped(partial(entrance.answer, by_method)), methods=list(by_method))
        for path, by_method in by_path.items()
    ]
    routes.append(Route("/own/openapi.json", wrapped(partial(entrance.describe, document(doors))), methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers={HTTPException: from_router})
    app.router.redirect_slashes = False  # a redirected POST is one that may arrive twice
    return app


class _Entrance:
    """The way of each request: token, parameters and headers, body, and then the door."""

    def __init__(
        self, exchange: Exchange, programs: dict[str, str], protection: Protection, *, by_socket: bool
    ) -> None:
        self._exchange = exchange
        self._programs = programs
        self._logins = protection.logins
        self._bodies = protection.bodies
        self._by_socket = by_socket
        self._threads = ThreadPoolExecutor(_AT_A_TIME, "own")

    async def describe(self, content: bytes, request: Request) -> Response:
        """Answer with the OpenAPI document."""
        self._program(request)
        return Response(content, media_type="application/json")

    async def answer(self, by_method: Mapping[str, Door], request: Request) -> Response:
        """Answer at one of the doors with this path."""
        program = self._program(request)
        door = by_method["GET" if request.method == "HEAD" else request.method]
        path, query = _path(request), _query(request, door)
        author = author_in(request, needed=door.needs_author)
        if door.takes is None:
            deed = deed_in(request, door, program, author, b"")
            asked = Asked(program, path, query, None, author, deed, door.name, self._exchange.limits)
            return await self._in_turn(partial(_answered, door, asked))
        require_type(request, door.takes.types, door.takes.kind)
        async with self._bodies.read(request, program) as content:
            deed = deed_in(request, door, program, author, content)
            asked = Asked(program, path, query, None, author, deed, door.name, self._exchange.limits)
            return await self._in_turn(partial(_answered_with, door, asked, content))

    async def _in_turn(self, work: partial[Response]) -> Response:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _program(self, request: Request) -> str:
        """The name of the program that asks. Raises `BadRequest` 401, 400 or 429."""
        if self._by_socket and "authorization" not in request.headers:
            return BY_SOCKET
        return self._logins.check(request, self._by_token)

    def _by_token(self, token: str) -> str | None:
        shown = token.encode()
        found = [name for name, ours in self._programs.items() if compare_digest(ours.encode(), shown)]
        return found[0] if found else None


def _answered_with(door: Door, asked: Asked, content: bytes) -> Response:
    """The answer to a request with a body, which is read here: it takes time."""
    assert door.takes is not None  # noqa: S101 - the caller has looked
    return _answered(door, replace(asked, body=door.takes.read(content, asked.limits)))


def _answered(door: Door, asked: Asked) -> Response:
    """The answer: what the door changes is done once, and what there is then is shown."""
    if door.does is not None:
        try:
            with doing(asked.deed):
                door.does(asked)
        except Repeated as before:
            if not before.same:
                raise BadRequest(422, "was used for another request", "duplicate", KEY) from None
    with doing(Deed()):
        shown = door.shows(asked)
    response = Response(shown.to_bytes(), door.status, media_type=door.gives.kind)
    if shown.revision is not None:
        response.headers["ETag"] = f'W/"{shown.revision}"'
    return response


def _path(request: Request) -> dict[str, str]:
    """The ids in the path. Raises `BadRequest` 404 for what can be no id."""
    try:
        return {name: _IDS.validate_python(text) for name, text in request.path_params.items()}
    except (ValidationError, ValueError):
        raise BadRequest(404, "nothing is at this address", "not-found") from None


def _query(request: Request, door: Door) -> dict[str, object]:
    """The parameters, with defaults. Raises `BadRequest` 400 for one that is not known or not as it must be."""
    known = {one.name: one for one in door.query}
    given: dict[str, list[str]] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            raise BadRequest(400, f"has a parameter that is not known; known are {', '.join(known) or 'none'}", "value")
        given.setdefault(name, []).append(text)
    return {name: one.read(given[name]) if name in given else one.default for name, one in known.items()}
