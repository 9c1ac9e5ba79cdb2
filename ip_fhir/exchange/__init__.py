"""The spine: what comes in (`inbound`), what goes out (`outbound`), what time brings (`due`). Read `inbound` first."""

from ip_fhir.exchange.exchange import Exchange
from ip_fhir.exchange.sending.worker import Worker

__all__ = ["Exchange", "Worker"]
