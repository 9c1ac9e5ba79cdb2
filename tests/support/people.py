"""The staff of both sides in the crash tests: they work on their side's store, and may be killed too.

Who starts again looks at what is stored and goes on from there. Each loop goes its own way, by its number:

    0   the green form at once
    1   accepted first
    2   an assessment first, then an incomplete form, then a complete one
    3   nothing before the first reminder
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.referral import EventKind, Referral, Role, State
from ip_fhir.errors import LoopError, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.two_sides import form, notice

OPEN = [State.DELIVERED, State.ACCEPTED, State.ASSESSING, State.INCOMPLETE]
_ALL = 100_000


def numbered_notice(number: int) -> Notice:
    """A notice of its own: the stroke patient's, who needs nobody's consent."""
    return notice("03").evolve(id=f"notice-{number}", correlation_id=f"loop-{number}")


def numbered_form(number: int, *, complete: bool = True) -> GreenForm:
    """An answer to it."""
    part = 2 if complete else 1
    return form(f"03-stroke-patient-{part}").evolve(id=f"form-{number}-{part}", answers=f"loop-{number}")


def work(config: str, accepted: str, pause: float, until: int) -> None:
    """Do what a side's people do, until killed.

    The hospital's write to the file `accepted` which notice they were told is stored; `until` is how many they send.
    """
    exchange = open_exchange(read_settings(config))
    side = _hospital if read_settings(config).role is Role.HOSPITAL else _municipality
    while True:
        with suppress(StoreError, LoopError):  # the disk is full, somebody was first: look again
            side(exchange, Path(accepted), until)
        time.sleep(pause)


def _hospital(exchange: Exchange, accepted: Path, until: int) -> None:
    """Send the next notice. The line is written after the library said that it is stored."""
    said = accepted.read_text(encoding="ascii").split() if accepted.exists() else []
    number = len(said)
    if number >= until:
        return
    exchange.send_notice(numbered_notice(number))
    with os.fdopen(os.open(accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(f"{number}\n")


def _municipality(exchange: Exchange, _accepted: Path, _until: int) -> None:
    """Look at every open loop and do the next thing."""
    for referral in exchange.store.referrals(OPEN, limit=_ALL):
        _next(exchange, referral)


def _next(exchange: Exchange, referral: Referral) -> None:
    ident, state = referral.correlation_id, referral.state
    number = int(ident.rpartition("-")[2])
    way = number % 4
    if way == 1 and state is State.DELIVERED:
        exchange.act(ident, EventKind.ACCEPT)
    elif way == 2 and state is State.DELIVERED:
        exchange.act(ident, EventKind.ASSESS)
    elif way == 2 and state is State.ASSESSING:
        exchange.answer(numbered_form(number, complete=False))
    elif way != 3 or _was_reminded(exchange, ident):
        exchange.answer(numbered_form(number))


def _was_reminded(exchange: Exchange, ident: str) -> bool:
    return any(link.record.event.kind is EventKind.REMIND for link in exchange.store.evidence(ident))
