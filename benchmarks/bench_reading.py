"""Reading: GET of a participant's view of a plan over HTTP, by the plan served whole by an endpoint of the same parts.

Both run in one server, over one connection that stays open, and take turns. The floor authenticates, loads the plan,
records the read and writes the plan to FHIR, without a view. Made anew means that the plan is remembered, and the view
is not; in turn, that nothing is: neither the plan, which the floor reads too, nor ids, nor what was worked out for it.
"""

from __future__ import annotations

import http.client
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from loops import Answering, SetClock
from measuring import Figure, interleaved, medians
from sample import sample_plan
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Mount, Route

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.agreement import Agreement, ContentLevel, Party
from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.see import settle
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.values.ids import HerId
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.exchange.plans.known_views import KnownViews
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.mapping import to_fhir_json
from ip_fhir.ports import Endpoint, ResourceVersion
from ip_fhir.store import open_store
from ip_fhir.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

_AT = datetime(2026, 6, 1, 10, tzinfo=UTC)
_DAY = date(2026, 6, 1)
_TIMES = 20  # in a round
_URL = "https://nordvik.example"
_PLAN = "plan-1"
_PLANS = 400  # more than a store, or anything else, remembers
_US = Organization(id="us", name="Nordvik", kind=OrganizationKind.MUNICIPALITY, her_id=HerId("80001"))
_THEM = Organization(id="them", name="Nordvik skole", kind=OrganizationKind.SCHOOL, her_id=HerId("80002"))
_GOALS = {"GET of a cut view": 1.5, "GET of a cut view, made anew": 1.5}
_IN_TURN = f"GET of a cut view, of {_PLANS} plans in turn"


def measure(quick: bool) -> Iterator[Figure]:
    """The figures, each by the plan served whole."""
    with tempfile.TemporaryDirectory() as place, _serving(_application(Path(place))) as get:
        whole, cut = (cycle(f"plan-{number}" for number in range(1, _PLANS + 1)) for _ in range(2))
        works = {
            "whole": lambda: get(f"/whole/{_PLAN}"),
            "GET of a cut view": lambda: get(f"/known/CarePlan/{_PLAN}/$view"),
            "GET of a cut view, made anew": lambda: get(f"/anew/CarePlan/{_PLAN}/$view"),
            "GET of its CarePlan": lambda: get(f"/known/CarePlan/{_PLAN}"),
            "whole, in turn": lambda: get(f"/whole/{next(whole)}"),
            _IN_TURN: lambda: get(f"/known/CarePlan/{next(cut)}/$view"),
        }
        taken = interleaved(10 if quick else 60, **{name: _repeated(work) for name, work in works.items()})
    found = medians(taken, _TIMES)
    for name in works:
        if not name.startswith("whole"):
            floor = found["whole, in turn" if name == _IN_TURN else "whole"]
            yield Figure(name, found[name], "ms", floor=floor, at_most=_GOALS.get(name))


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(_TIMES):
            work()

    return run


def _application(place: Path) -> Starlette:
    """The endpoint twice, with and without a memory of views, and the floor beside it."""
    known = _context(place)
    anew = replace(known, url=f"{_URL}/anew", views=KnownViews(0))

    def whole(ident: str) -> bytes:
        party = known.peers.by_token("token-of-the-school")
        plan = known.store.shared_plan(ident).plan.plan  # type: ignore[attr-defined]
        shown = ResourceVersion("CarePlan", ident, plan.version, {}, _AT, ident, aggregate_kind="plan")
        assert party is not None
        known.reads.read(Occasion(known.store, _AT), party, shown)
        return to_fhir_json(plan)

    async def floor(request: Request) -> Response:
        return Response(await run_in_threadpool(whole, request.path_params["id"]), media_type=FHIR_JSON)

    routes: list[Any] = [Route("/whole/{id}", floor)]
    routes += [Mount(f"/{name}", create_app(Exchange(of))) for name, of in (("known", known), ("anew", anew))]
    return Starlette(routes=routes)


def _shared_plan(number: int) -> SharedPlan:
    """A plan that is shared with a school, to which one area is closed."""
    plan = sample_plan().evolve(id=f"plan-{number}")
    no = Provision(access=Access.DENY, recipients=("org-3",), areas=plan.measures[0].areas)
    plan = plan.evolve(consents=(plan.consents[0].evolve(provisions=(no, *plan.consents[0].provisions)),))
    key = f"{number:04}" * 16
    share = Share(id=f"s-{number}", plan=plan.id, party="school", organizations=("org-3",), key=key, began=_DAY)
    settled = settle(None, plan, share, _DAY)
    if settled.view is None or len(settled.view.plan.measures) >= len(plan.measures):
        raise AssertionError("nothing is cut")
    return SharedPlan(
        id=plan.id,
        side=PlanSide.HOLDER,
        plan=plan,
        shares=(settled.share,),
        opened=_AT,
        changed=_AT,
        settled_on=_DAY,
    )


def _context(place: Path) -> Context:
    """The side that holds the plans."""
    store = open_store(f"sqlite:///{place / 'plans.sqlite'}")
    with store.begin() as tx:
        for number in range(1, _PLANS + 1):
            tx.save_plan(_shared_plan(number), None)
    school = Peer("school", (_THEM,), Answering(), Endpoint("none:"), ("token-of-the-school",))
    parties = tuple(Party(her_id=one.her_id) for one in (_US, _THEM))
    return Context(
        role=None,
        organizations=(_US,),
        store=store,
        clock=SetClock(_AT),
        peers=Peers([school]),
        agreements=(Agreement(parties=parties, content_level=ContentLevel.PLAN),),
        url=f"{_URL}/known",
        jitter=lambda: 1.0,
        tell=lambda _row: None,
    )


@contextmanager
def _serving(application: Starlette) -> Iterator[Callable[[str], bytes]]:
    """Serve in a thread; what comes back gets an address over one connection, or raises."""
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(application, port=port, access_log=False, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def get(path: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": "Bearer token-of-the-school"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(content.decode())
        return content

    try:
        yield get
    finally:
        connection.close()
        server.should_exit = True
        thread.join(10)
