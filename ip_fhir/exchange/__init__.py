"""The exchange: messages in (`inbound`), messages out (`outbound`), timers (`sending.due`). Read `inbound` first."""

from ip_fhir.exchange.exchange import Exchange
from ip_fhir.exchange.hosts.within import Within, within
from ip_fhir.exchange.sending.worker import Worker

__all__ = ["Exchange", "Within", "Worker", "within"]
