"""The endpoint mounted under a prefix in a larger application: Starlette, FastAPI, Django; worker and addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import django.conf
import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from ip_fhir.domain.referral import Role
from ip_fhir.errors import StoreError
from ip_fhir.exchange.clock import SystemClock
from ip_fhir.web.entry.embedded import EmbeddedSide, embed
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, Loop, make_loop, notice, side_settings

HOST = "https://municipality.example"
PREFIX = "/fhir"
OWN = "/ehr/hello"


def in_starlette(side: EmbeddedSide) -> Any:
    """A Starlette application with a page of its own."""

    async def hello(_request: object) -> PlainTextResponse:
        return PlainTextResponse("hello")

    return Starlette(routes=[Route(OWN, hello), Mount(PREFIX, side.app)], lifespan=side.lifespan)


def in_fastapi(side: EmbeddedSide) -> Any:
    """A FastAPI application with a lifespan of its own, in which ours is entered."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> Any:
        async with side.lifespan():
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get(OWN, response_class=PlainTextResponse)
    def hello() -> str:
        return "hello"

    app.mount(PREFIX, side.app)
    return app


class Urls:
    """The pages of a Django project."""

    @staticmethod
    def hello(_request: HttpRequest) -> HttpResponse:
        """A page."""
        return HttpResponse("hello")

    urlpatterns = (path(OWN.removeprefix("/"), hello),)


def in_django(side: EmbeddedSide) -> Any:
    """A Django project beside the side: `asgi.py` has both."""
    if not django.conf.settings.configured:
        django.conf.settings.configure(ROOT_URLCONF=Urls, ALLOWED_HOSTS=["municipality.example"], SECRET_KEY="test")
        django.setup()
    both = [Mount(PREFIX, side.app), Mount("/", get_asgi_application())]
    return Starlette(routes=both, lifespan=side.lifespan)


def works(side: EmbeddedSide) -> bool:
    """True if its worker runs; asked anew each time."""
    return side._worker.running


HOSTS: tuple[Callable[[EmbeddedSide], Any], ...] = (in_starlette, in_fastapi, in_django)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A municipality that was sent two notices, and will be embedded; its clock is the machine's."""
    made = make_loop(tmp_path)
    for name in ("02", "03"):
        made.hospital.exchange.send_notice(notice(name))
    made.settle()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def embedded(loop: Loop, tmp_path: Path) -> EmbeddedSide:
    """The municipality, not started."""
    return embed(side_settings(tmp_path, Role.MUNICIPALITY), loop.municipality.exchange)


@contextmanager
def running(app: Any) -> Iterator[Caller]:
    """The hospital, which asks a host that runs, by absolute addresses."""
    with TestClient(app, base_url=HOST, raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], HOST)


@pytest.mark.parametrize("host", HOSTS)
def test_addresses_lead_back(host: Callable[[EmbeddedSide], Any], loop: Loop, tmp_path: Path) -> None:
    """Capability, next links, Location, a Bundle's entries and a Subscription: each address that is given is there."""
    base = f"{HOST}{PREFIX}"
    with running(host(embedded(loop, tmp_path))) as hospital:
        assert hospital.get(f"{HOST}{OWN}").text == "hello"
        assert hospital.get(f"{base}/metadata").json()["implementation"]["url"] == base
        first = hospital.found(f"{base}/Task?_count=1")
        links = {one["relation"]: one["url"] for one in first["link"]}
        second = hospital.found(links["next"])
        (one,), (other,) = first["entry"], second["entry"]
        assert one["fullUrl"] != other["fullUrl"]
        read = hospital.get(other["fullUrl"])
        assert read.json() == other["resource"]
        task = read.json() | {"status": "accepted"}
        changed = hospital.put(other["fullUrl"], task, If_Match=read.headers["etag"])
        assert changed.status_code in (200, 422)  # as the loop allows; the address of a version is there either way
        history = hospital.found(f"{other['fullUrl']}/_history")
        assert all(entry["fullUrl"] == other["fullUrl"] for entry in history["entry"])
        made = hospital.post(f"{base}/Subscription", subscription())
        assert made.status_code == 201, made.text
        assert made.headers["location"].startswith(f"{base}/Subscription/")
        assert hospital.get(made.headers["location"].partition("/_history")[0]).status_code == 200


def subscription() -> dict[str, Any]:
    """A subscription to all Tasks."""
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to hear of changes",
        "criteria": "Task?status=accepted",
        "channel": {"type": "rest-hook", "endpoint": "https://hooks.example/in"},
    }


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_starts_and_stops_the_worker(host: Callable[[EmbeddedSide], Any], loop: Loop, tmp_path: Path) -> None:
    """With the host's lifespan the worker runs while the host does, and not a moment longer."""
    side = embedded(loop, tmp_path)
    with running(host(side)) as hospital:
        assert hospital.get(f"{HOST}{PREFIX}/health/live").status_code == 200
        assert works(side)
    assert not works(side)
    with pytest.raises(StoreError):
        side.start()


def test_a_host_without_lifespan(loop: Loop, tmp_path: Path) -> None:
    """Where nobody tells of the start, /health/live says so, until the host calls `start`; twice is once."""
    side = embedded(loop, tmp_path)
    app = Starlette(routes=[Mount(PREFIX, side.app)])
    client = TestClient(app, base_url=HOST)
    assert client.get(f"{PREFIX}/health/live").status_code == 503
    side.start()
    side.start()
    assert client.get(f"{PREFIX}/health/live").status_code == 200
    side.stop()
    assert works(side)
    side.stop()
    assert not works(side)


def test_a_side_that_was_never_started(loop: Loop, tmp_path: Path) -> None:
    """A host that fails before the start stops it all the same."""
    side = embedded(loop, tmp_path)
    side.stop()
    side.stop()
    with pytest.raises(StoreError):
        side.start()


def test_a_prefix_that_the_settings_do_not_know(loop: Loop, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says once that the addresses lead elsewhere; with the right prefix it says nothing."""
    side = embedded(loop, tmp_path)
    for prefix in (PREFIX, "/other"):
        with_prefix = TestClient(Starlette(routes=[Mount(prefix, side.app)]), base_url=HOST)
        hospital = Caller(with_prefix, TOKENS["hospital"], HOST)
        for _ in range(2):
            assert hospital.get(f"{HOST}{prefix}/Task").status_code == 200
    (said,) = [record.message for record in caplog.records if "base_url" in record.message]
    assert "mounted at /other" in said
    side.stop()


def test_the_hosts_own_logs(loop: Loop, tmp_path: Path) -> None:
    """Handlers, levels and formats are the host's; what happened to a message is in fields of the record."""

    class Kept(logging.Handler):
        records: list[logging.LogRecord] = []  # noqa: RUF012 - one test, one list

        def emit(self, record: logging.LogRecord) -> None:
            self.records.append(record)

    root, ours, handler = logging.getLogger(), logging.getLogger("ip_fhir"), Kept()
    before = (list(root.handlers), root.level, list(ours.handlers), ours.propagate)
    messages = logging.getLogger("ip_fhir.messages")
    messages.addHandler(handler)
    messages.setLevel(logging.INFO)
    try:
        with running(in_starlette(embedded(loop, tmp_path))):
            assert (list(root.handlers), root.level, list(ours.handlers), ours.propagate) == before
            loop.hospital.exchange.send_notice(notice("01"))
            loop.settle()
    finally:
        messages.removeHandler(handler)
        messages.setLevel(logging.NOTSET)
    (came,) = [vars(one) for one in handler.records if vars(one)["direction"] == "in" and one.kind == "notice"]  # type: ignore[attr-defined]
    assert (came["party"], came["outcome"]) == ("hospital", "ok")
    assert came["loop"].startswith("referral-01")
    assert came["milliseconds"] >= 0


def test_a_side_of_the_settings_alone(tmp_path: Path) -> None:
    """Without an exchange of the host's it is opened by the settings, with the address that they give."""
    settings = side_settings(tmp_path, Role.MUNICIPALITY, adapter="fhirmessage", url="https://hospital.example/fhir")
    side = embed(settings)
    client = TestClient(Starlette(routes=[Mount(PREFIX, side.app)]), base_url=HOST)
    assert client.get(f"{PREFIX}/metadata").json()["implementation"]["url"] == settings.http.url
    assert isinstance(side.exchange._context.clock, SystemClock)
    side.stop()
