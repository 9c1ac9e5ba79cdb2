"""Run one side: endpoint, worker and listeners in one process, until SIGTERM or SIGINT; all end gracefully."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.exchange.listeners import listening
from ip_fhir.exchange.sending.grace import Grace
from ip_fhir.exchange.sending.worker import Worker
from ip_fhir.web.app import create_app

if TYPE_CHECKING:
    from types import FrameType

    from ip_fhir.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Returns after requests, sendings and received messages under way are finished.

    What is not finished `worker.grace` seconds after the signal is left, and the process ends with code 0.

    Raises `InvalidInput` when a listener that the settings name is missing, broken or cannot start.
    """
    listeners = open_listeners(settings)
    exchange = open_exchange(settings)
    try:
        token = settings.http.metrics_token
        worker = Worker(exchange, settings.worker.rest)
        app = create_app(exchange, worker, token.get_secret_value() if token else None)
        config = uvicorn.Config(
            app,
            host=settings.http.host,
            port=settings.http.port,
            access_log=False,  # a URL may hold what a caller should not have put there
            log_config=None,
            server_header=False,
            proxy_headers=False,  # the peer is whoever is connected: no header about it is believed
            timeout_graceful_shutdown=max(1, int(settings.worker.grace / 2)),
        )
        grace = Grace(settings.worker.grace)
        # uvicorn raises the signal again when it has shut down; that must not cut the clean-up short.
        signal.signal(signal.SIGTERM, partial(_leave, grace))
        with listening(exchange, listeners):
            _Server(config, grace).run()
    except KeyboardInterrupt:
        pass
    finally:
        exchange.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, grace: Grace) -> None:
        super().__init__(config)
        self._grace = grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._grace.begin()
        super().handle_exit(sig, frame)


def _leave(grace: Grace, _signal: int, _frame: FrameType | None) -> None:
    grace.begin()
    sys.exit(0)
