"""The ASGI application: routes, and errors as OperationOutcome. It decides nothing.

Work on the store and the mapping blocks, so it runs in a thread pool.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from ip_fhir.fhir.capability import capability_statement
from ip_fhir.fhir.outcome import outcome
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.mapping import default
from ip_fhir.settings import HttpSettings
from ip_fhir.web import requests as asked
from ip_fhir.web.answers import fhir, from_starlette, guarded
from ip_fhir.web.entry.certificates import names_of
from ip_fhir.web.fhir.asked import Asked, everything
from ip_fhir.web.fhir.batch import Batch, is_batch
from ip_fhir.web.fhir.capabilities import loop_capabilities
from ip_fhir.web.fhir.doors import Doors
from ip_fhir.web.fhir.loops import Loops
from ip_fhir.web.fhir.notice_transactions import NoticeTransactions
from ip_fhir.web.fhir.plan_transactions import PlanTransactions, is_about_views
from ip_fhir.web.issuer.tokens import SECONDS_REMEMBERED
from ip_fhir.web.logins import proof_of
from ip_fhir.web.metrics import CONTENT_TYPE, Metrics, Scrapers
from ip_fhir.web.plans import Plans, definition_routes, plan_capabilities
from ip_fhir.web.protection import Protection
from ip_fhir.web.requests import BadRequest
from ip_fhir.web.subscriptions.doors import SubscriptionDoors, subscription_capabilities

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import Lifespan

    from ip_fhir.exchange import Exchange, Worker
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import WireFormat

_MESSAGES: Final = "The messages of the green form loop; receipts are synchronous."
_MESSAGES_OF_PLANS: Final = "The messages of the green form loop and about plans; receipts are synchronous."

_TAKEN: Final = write_json(outcome(()))
"""The answer to an acknowledgement, which gets none of its own."""

_KINDS: Final = {"_search": asked.require_form, "PATCH": asked.require_patch}
"""The checks of the content type, where it is not that of FHIR resources."""


def create_app(
    exchange: Exchange,
    worker: Worker | None = None,
    metrics_token: str | None = None,
    protection: Protection | None = None,
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    """The application for one side of the loop; `worker`, if given, runs as long as the application does.

    Mounted in a larger one it is told of neither start nor end: see `ip_fhir.web.entry.embedded`, which does both and
    gives its own `lifespan`.

    Every route but /metadata and /health demands a bearer token; /metrics has its own, see `ip_fhir.web.metrics`.
    `protection` bounds what it takes in and counts what it refuses: `Protection.of(settings.http, exchange.limits)`,
    or, without it, by the defaults of the settings. How long a client may be silent, and how many connect, is up to
    the server that runs the application; `serve` runs one with all bounds.
    """
    protection = protection or Protection.of(HttpSettings(), exchange.limits)

    @asynccontextmanager
    async def own(_app: Starlette) -> AsyncIterator[None]:
        if worker is not None:
            worker.start()
        if protection.issuer is not None:
            protection.issuer.keys.start()
        yield
        if protection.issuer is not None:
            await run_in_threadpool(protection.issuer.keys.stop)
        if worker is not None:
            await run_in_threadpool(worker.stop)

    app = Starlette(
        routes=[
            *_routes(_Endpoint(exchange, protection)),
            *(definition_routes(exchange, protection) if exchange.serves_plans else ()),
            *_watching(_Watched(exchange, worker, metrics_token, protection)),
        ],
        exception_handlers={HTTPException: from_starlette},
        lifespan=lifespan or own,
    )
    app.router.redirect_slashes = False  # a redirected POST is one that may arrive twice
    return app


def below(path: str, app: Starlette) -> Starlette:
    """The application below a path, told of start and end as before; itself for an empty path."""
    return Starlette(routes=[Mount(path, app)], lifespan=app.router.lifespan_context) if path else app


def _routes(endpoint: _Endpoint) -> list[Route]:
    wrapped = partial(guarded, endpoint.refused)
    routes = [
        Route("/", wrapped(endpoint.transaction), methods=["POST"]),
        Route("/$process-message", wrapped(endpoint.process_message), methods=["POST"]),
        Route("/metadata", wrapped(endpoint.metadata)),
    ]
    routes += [
        Route(f"/{path}", wrapped(partial(endpoint.interaction, path)), methods=list(methods))
        for path, methods in endpoint.doors.paths.items()
    ]
    return routes


def _watching(watched: _Watched) -> list[Route]:
    wrapped = partial(guarded, watched.refused)
    return [
        Route("/health", wrapped(watched.health)),
        Route("/health/live", wrapped(watched.live)),
        Route("/health/ready", wrapped(watched.ready)),
        Route("/metrics", wrapped(watched.metrics, speaks_json=False)),
    ]


class _Endpoint:
    """The handlers. Each authenticates the peer, reads the request, hands it to the exchange, and answers."""

    def __init__(self, exchange: Exchange, protection: Protection) -> None:
        self._exchange = exchange
        self._logins = protection.logins
        self._bodies = protection.bodies
        self._rates = protection.rates
        self._services = protection.services
        self.refused = protection.refused
        plans, loops = Plans(exchange).doors() if exchange.serves_plans else (), Loops(exchange)
        self.doors = Doors([*loops.doors(), *plans, *SubscriptionDoors(exchange).doors()])
        self._batch = Batch(exchange, self.doors, protection.refused)
        self._of_notices = NoticeTransactions(exchange, loops)
        self._of_plans = PlanTransactions(exchange, self.doors) if exchange.serves_plans else None

    async def _peer(self, request: Request) -> Credential:
        """The party that the request shows a token or a certificate of. Raises `BadRequest` 401, 400 or 429."""
        self._check_prefix(request)
        names = names_of(request)
        certified = self._exchange.peer_by_certificate(names) if names else None
        if certified is not None and "authorization" not in request.headers:
            peer = certified
        else:
            found = self._logins.check(request, self._exchange.peer_by_token, self._exchange.peer_by_client)
            peer = cast("Credential", found)
            proof = proof_of(request)
            if proof is not None and not await run_in_threadpool(
                self._exchange.is_first_proof, proof, SECONDS_REMEMBERED
            ):
                raise self._logins.refuse_replay(request)
            if peer.certificates and names.isdisjoint(peer.certificates):
                reason = "the token counts only with a certificate of its party"
                raise BadRequest(401, reason, "security", counted="certificate")
        self._rates.admit(request, peer)
        return peer

    def _check_prefix(self, request: Request) -> None:
        """Count a request that came by a path which the addresses that we give out do not lead to."""
        prefix = request.scope.get("root_path", "")
        if prefix and not urlsplit(self._exchange.url).path.rstrip("/").endswith(prefix):
            self.refused.note(
                "prefix", f"mounted at {prefix}, which http.base_url does not end with: links lead elsewhere"
            )

    async def process_message(self, request: Request) -> Response:
        """Take in a message, or the acknowledgement of one: that is answered by an OperationOutcome."""
        peer = await self._peer(request)
        return await self._take_in(request, peer, self._exchange.messaging_of(peer))

    async def transaction(self, request: Request) -> Response:
        """Take in a transaction, or answer the entries of a batch one by one."""
        return await self._take_in(request, await self._peer(request), "fhir-transaction")

    async def _take_in(self, request: Request, peer: Credential, format_name: WireFormat) -> Response:
        asked.require_json(request)
        async with self._bodies.read(request, peer.name) as content:
            if format_name == "fhir-transaction" and is_batch(content):
                charge = partial(self._rates.charge, request, peer)
                answer = partial(self._batch.answer, count=charge, allows=_allows(request))
                return await run_in_threadpool(answer, peer, content, request.headers)
            if format_name == "fhir-transaction" and self._of_plans is not None and is_about_views(content):
                return await run_in_threadpool(self._of_plans.answer, peer, content, request.headers)
            return await run_in_threadpool(self._received, content, peer, format_name)

    def _received(self, content: bytes, peer: Credential, format_name: WireFormat) -> Response:
        there = self._of_notices.answer(peer, content) if format_name == "fhir-transaction" else None
        if there is not None:
            return there
        return Response(self._exchange.receive(content, peer, format_name) or _TAKEN, media_type=FHIR_JSON)

    async def interaction(self, path: str, request: Request) -> Response:
        """Answer at the door with this path; a body is read while there is room for it."""
        peer = await self._peer(request)
        door = self.doors.at(path, request.method)
        said = tuple(request.query_params.multi_items())
        given = Asked(request.method, request.path_params, said, (), request.headers, allows=_allows(request))
        if request.method in ("GET", "HEAD", "DELETE"):
            return await run_in_threadpool(door.answer, peer, given)
        is_form = path.endswith("/_search")
        _KINDS.get("_search" if is_form else request.method, asked.require_json)(request)
        async with self._bodies.read(request, peer.name) as content:
            form = tuple(asked.form_fields(content)) if is_form else ()
            return await run_in_threadpool(door.answer, peer, replace(given, content=content, in_form=form))

    async def metadata(self, _request: Request) -> Response:
        profiles, url = default().compiled.profiles, self._exchange.url
        resources = loop_capabilities(self.doors, profiles)
        plans = plan_capabilities(url, self.doors, profiles) if self._exchange.serves_plans else []
        about = _MESSAGES_OF_PLANS if plans else _MESSAGES
        now, all_ = self._exchange.now(), [*resources, *plans, *subscription_capabilities(self.doors)]
        return fhir(capability_statement(url, version("ip-fhir"), now, all_, about, self._services))


def _allows(request: Request) -> Callable[[str, str], bool]:
    """The interactions that the token of a request allows, which was looked at before."""
    found: Callable[[str, str], bool] = getattr(request.state, "allows", everything)
    return found


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
