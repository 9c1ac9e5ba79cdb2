"""The ASGI application: routes, and errors as OperationOutcome. It decides nothing.

Work on the store and the mapping blocks, so it runs in a thread pool.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import format_datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ip_fhir.errors import IpFhirError, IssueCode, StoreError
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.capability import ResourceCapability, capability_statement
from ip_fhir.fhir.outcome import outcome_of, status_of
from ip_fhir.fhir.reading import FHIR_JSON, read_json, write_json
from ip_fhir.mapping import default
from ip_fhir.settings import HttpSettings
from ip_fhir.web import requests as asked
from ip_fhir.web.metrics import CONTENT_TYPE, Metrics, Scrapers
from ip_fhir.web.protection import Protection
from ip_fhir.web.searching import query_of, searchset

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ip_fhir.exchange import Exchange, Worker
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.logs import CountedLog
    from ip_fhir.ports import JsonObject, ResourceVersion, WireFormat
    from ip_fhir.web.searching import Query

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_COUNTED = {401: "unauthorized", 403: "forbidden", 413: "too-large", 500: "unforeseen", 503: "not-yet"}


def create_app(
    exchange: Exchange,
    worker: Worker | None = None,
    metrics_token: str | None = None,
    protection: Protection | None = None,
) -> Starlette:
    """The application for one side of the loop; `worker`, if given, runs as long as the application does.

    Every route but /metadata and /health demands a bearer token; /metrics has its own, see `ip_fhir.web.metrics`.
    `protection` bounds what it takes in and counts what it refuses: `Protection.of(settings.http, exchange.limits)`,
    or, without it, by the defaults of the settings. How long a client may be silent, and how many connect, is up to
    the server that runs the application; `serve` runs one with all bounds.
    """
    protection = protection or Protection.of(HttpSettings(), exchange.limits)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if worker is not None:
            worker.start()
        yield
        if worker is not None:
            await run_in_threadpool(worker.stop)

    app = Starlette(
        routes=[
            *_routes(_Endpoint(exchange, protection)),
            *_watching(_Watched(exchange, worker, metrics_token, protection)),
        ],
        exception_handlers={HTTPException: _from_starlette},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirected POST is one that may arrive twice
    return app


def _routes(endpoint: _Endpoint) -> list[Route]:
    guarded = partial(_guarded, endpoint.refused)
    routes = [
        Route("/", guarded(endpoint.transaction), methods=["POST"]),
        Route("/$process-message", guarded(endpoint.process_message), methods=["POST"]),
        Route("/metadata", guarded(endpoint.metadata)),
    ]
    for type_ in SEARCH_PARAMETERS:
        routes += [
            Route(f"/{type_}", guarded(partial(endpoint.search, type_))),
            Route(f"/{type_}/_search", guarded(partial(endpoint.search_by_form, type_)), methods=["POST"]),
            Route(f"/{type_}/{{id}}", guarded(partial(endpoint.resource, type_)), methods=["GET", "PUT"]),
        ]
    return routes


def _watching(watched: _Watched) -> list[Route]:
    guarded = partial(_guarded, watched.refused)
    return [
        Route("/health", guarded(watched.health)),
        Route("/health/live", guarded(watched.live)),
        Route("/health/ready", guarded(watched.ready)),
        Route("/metrics", guarded(watched.metrics, speaks_json=False)),
    ]


class _Endpoint:
    """The handlers. Each authenticates the peer, reads the request, hands it to the exchange, and answers."""

    def __init__(self, exchange: Exchange, protection: Protection) -> None:
        self._exchange = exchange
        self._logins = protection.logins
        self._bodies = protection.bodies
        self.refused = protection.refused

    def _peer(self, request: Request) -> Credential:
        """The party that the request shows a token of. Raises `BadRequest` 401, 400 or 429."""
        return cast("Credential", self._logins.check(request, self._exchange.peer_by_token))

    async def process_message(self, request: Request) -> Response:
        return await self._take_in(request, "fhir-message")

    async def transaction(self, request: Request) -> Response:
        return await self._take_in(request, "fhir-transaction")

    async def _take_in(self, request: Request, format_name: WireFormat) -> Response:
        peer = self._peer(request)
        asked.require_json(request)
        async with self._bodies.read(request, peer.name) as content:
            reply = await run_in_threadpool(self._exchange.receive, content, peer, format_name)
        return Response(reply, media_type=FHIR_JSON)

    async def resource(self, type_: str, request: Request) -> Response:
        peer = self._peer(request)
        id_ = request.path_params["id"]
        if request.method != "PUT":
            found = await run_in_threadpool(self._exchange.read_resource, peer, type_, id_)
            return _version(found, unchanged=asked.has_version(request, found.version))
        based_on = asked.if_match(request)
        asked.require_json(request)
        async with self._bodies.read(request, peer.name) as content:
            return _version(await run_in_threadpool(self._updated, peer, type_, id_, based_on, content))

    def _updated(self, peer: Credential, type_: str, id_: str, based_on: int, content: bytes) -> ResourceVersion:
        body = read_json(content, self._exchange.limits)
        return self._exchange.update_resource(peer, type_, id_, based_on, body)

    async def search(self, type_: str, request: Request) -> Response:
        peer = self._peer(request)
        return await self._found(type_, query_of(type_, request.query_params.multi_items(), self._exchange.url), peer)

    async def search_by_form(self, type_: str, request: Request) -> Response:
        peer = self._peer(request)
        asked.require_form(request)
        async with self._bodies.read(request, peer.name) as content:
            pairs = [*request.query_params.multi_items(), *asked.form_fields(content)]
        return await self._found(type_, query_of(type_, pairs, self._exchange.url), peer)

    async def _found(self, type_: str, query: Query, peer: Credential) -> Response:
        work = partial(self._exchange.search_resources, peer, type_, query.criteria, query.count, query.cursor)
        return _fhir(searchset(self._exchange.url, type_, query, await run_in_threadpool(work)))

    async def metadata(self, _request: Request) -> Response:
        profiles = default().compiled.profiles
        resources = [
            ResourceCapability(type_, ("read", "update", "search-type"), parameters, profiles(type_))
            for type_, parameters in SEARCH_PARAMETERS.items()
        ]
        now = self._exchange.now()
        return _fhir(capability_statement(self._exchange.url, version("ip-fhir"), now, resources))


class _Watched:
    """The handlers about the process itself: /health for orchestrators, /metrics for monitoring."""

    def __init__(
        self, exchange: Exchange, worker: Worker | None, metrics_token: str | None, protection: Protection
    ) -> None:
        self._exchange = exchange
        self._worker = worker
        self._scrapers = Scrapers(metrics_token, protection.logins)
        self._metrics = Metrics(exchange, worker, protection=protection)
        self.refused = protection.refused

    async def health(self, request: Request) -> Response:
        """Answer how this side stands; the counts only to whoever may read the metrics."""
        if not self._scrapers.admit(request):
            await run_in_threadpool(self._exchange.check)
            return JSONResponse({"status": "ok"})
        return JSONResponse(await run_in_threadpool(self._exchange.health))

    async def live(self, _request: Request) -> Response:
        """Answer 503 if the worker has died or is stuck: the process should be restarted. Does not use the database."""
        return self._at_work() or JSONResponse({"status": "ok"})

    def _at_work(self) -> Response | None:
        """The answer of a side whose worker does nothing, for whatever reason; None if it works, or there is none."""
        if self._worker is None or (self._worker.running and not self._worker.stuck):
            return None
        return JSONResponse({"status": f"the worker {'is stuck' if self._worker.running else 'has died'}"}, 503)

    async def ready(self, _request: Request) -> Response:
        """Answer 503 while nothing can be taken in, since the store cannot be written, or the worker does nothing."""
        await run_in_threadpool(self._exchange.check)
        return self._at_work() or JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        self._scrapers.require(request)
        return Response(await run_in_threadpool(self._metrics.text), media_type=CONTENT_TYPE)


def _guarded(refused: CountedLog, handler: Handler, *, speaks_json: bool = True) -> Handler:
    """The handler with every failure as an OperationOutcome, those of the kinds in `_counted` counted."""

    async def guarded(request: Request) -> Response:
        try:
            if speaks_json:
                asked.require_acceptable(request)
            return await handler(request)
        except IpFhirError as error:
            if (counted := _counted(error)) is not None:
                refused.note(*counted)
            return _refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:  # noqa: BLE001 - the last door: nobody outside sees a trace
            # Neither its text nor the values in its trace are logged: they may be a person's.
            refused.note("unforeseen", f"unforeseen: {type(error).__name__} at {_place(error)}", logging.ERROR)
            return _refusal(IpFhirError("something is wrong on our side; it has been logged"))

    return guarded


def _counted(error: IpFhirError) -> tuple[str, str] | None:
    """The reason under which a refusal is counted and its words; None for what belongs to a message's own content."""
    if isinstance(error, StoreError):
        return "store-failed", f"requests answered with 503: {error}"
    if isinstance(error, asked.BadRequest) and error.counted is not None:
        return error.counted, f"requests refused: {error}"
    reason = _COUNTED.get(status_of(error))
    return None if reason is None else (reason, f"requests refused with {status_of(error)}: {reason}")


def _place(error: Exception) -> str:
    """File and line of where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"


def _refusal(error: IpFhirError, headers: dict[str, str] | None = None) -> Response:
    status = status_of(error)
    headers = dict(headers or {})
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="ip-fhir"'
    again = error.retry_after if isinstance(error, asked.BadRequest) else None
    if status == 503 or again is not None:
        headers["Retry-After"] = str(again or 5)
    return Response(write_json(outcome_of(error)), status, headers, FHIR_JSON)


async def _from_starlette(_request: Request, error: Exception) -> Response:
    """Answer for what the router refuses: 404 and 405."""
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    code: IssueCode = "not-found" if status == 404 else "not-supported"
    reason = "nothing is at this address" if status == 404 else "not possible here"
    return _refusal(asked.BadRequest(status, reason, code), dict(headers or {}))


def _fhir(resource: JsonObject) -> Response:
    return Response(write_json(resource), media_type=FHIR_JSON)


def _version(resource: ResourceVersion, *, unchanged: bool = False) -> Response:
    """A resource with its version, as ETag and date (http://hl7.org/fhir/R4/http.html#versioning).

    Without the resource if the caller has this version (RFC 9110, section 13.1.2).
    """
    response = Response(status_code=304) if unchanged else _fhir(resource.body)
    response.headers["ETag"] = f'W/"{resource.version}"'
    response.headers["Last-Modified"] = format_datetime(resource.updated.astimezone(UTC), usegmt=True)
    return response
