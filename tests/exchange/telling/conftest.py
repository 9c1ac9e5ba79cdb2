"""A hospital whose people are told by the settings, over real servers, of items that a test opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.commit import tell_our_people
from ip_fhir.settings import Settings, settings_of
from tests.support.two_sides import SetClock, side_settings
from tests.support.webhook_receiver import WebhookReceiver

KEY = "whsec_" + "a2V5LW9mLXRoZS13ZWJob29rLTEyMzQ1Ng=="
OTHER_KEY = "whsec_" + "YW5vdGhlci1rZXktb2YtdGhlLXdlYmhvb2s="


def told_settings(directory: Path, *told: dict[str, Any], **more: Any) -> Settings:
    """The settings of a hospital that talks to nobody, whose people are told so."""
    data = side_settings(directory, Role.HOSPITAL).model_dump(mode="json", exclude_none=True)
    worker = {"parallel": 8, "retry": {"first": 60, "cap": 600, "attempts": 4}}
    return settings_of({**data, "peers": [], "told": told, "worker": worker, **more}, directory, environ={})


class Ward:
    """The exchange, the clock it lives by, and the items that are opened in it."""

    def __init__(self, directory: Path, *told: dict[str, Any], **more: Any) -> None:
        self.directory, self.clock = directory, SetClock()
        self.exchange: Exchange = open_exchange(told_settings(directory, *told, **more), clock=self.clock)

    def item(self, ident: str, reason: Reason = Reason.ANSWER_DUE, **more: Any) -> None:
        """Open an item about a loop of its own, and queue it, as a decision does."""
        effect = Effect(id=ident, kind=EffectKind.TELL, reason=reason, **more)
        with self.exchange.store.begin() as tx:
            tell_our_people(tx, Aggregate.of_referral(f"loop-of-{ident}"), effect, self.clock.at)

    def run(self, **forward: float) -> None:
        """Let time pass, and do what is due until nothing is."""
        self.clock.forward(**forward)
        while self.exchange.run_due().anything:
            pass

    def rows(self) -> dict[str, tuple[str, str | None]]:
        """Status and last error of the rows to recipients, by the item that each is about."""
        found: dict[str, tuple[str, str | None]] = {}
        for recipient in self.exchange.tellings.progress():
            for row in self.exchange.store.tellings(recipient.key):  # type: ignore[attr-defined]
                item = row.content.decode().partition('"item":"')[2].partition('"')[0]
                found[item] = (row.status, row.last_error)
        return found


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Callable[..., Ward]]:
    """Makes the hospital from tables of `told`, and other settings."""
    made: list[Ward] = []

    def make(*told: dict[str, Any], **more: Any) -> Ward:
        made.append(Ward(tmp_path, *told, **more))
        return made[-1]

    yield make
    for one in made:
        one.exchange.close()


def webhook(url: str, **more: Any) -> dict[str, Any]:
    """A table of `told` with a webhook."""
    return {"name": "ehr", "way": "webhook", "url": url, "keys": [KEY], "timeout": 2.0, **more}


def e_mail(*recipients: str, **more: Any) -> dict[str, Any]:
    """A table of `told` with e-mail."""
    return {"name": "team", "way": "e-mail", "recipients": recipients, **more}


def smtp(port: int, **more: Any) -> dict[str, Any]:
    """A mail server on this machine."""
    base = {"host": "127.0.0.1", "port": port, "security": "plain", "sender": "ip-fhir@hospital.example"}
    return {**base, "timeout": 5.0, **more}


def with_a_recipient_less(ward: Callable[..., Ward], receiver: WebhookReceiver) -> Ward:
    """A side whose settings have lost the webhook that is still to be told of the item `a`, after its next run."""
    receiver.answer = 500
    made = ward(webhook(receiver.url))
    made.item("a")
    made.run()
    made.exchange.close()
    without = ward()
    without.run(minutes=5)
    return without
