"""A municipality among peers that are silent, dripping, lying, flooding and forging: the honest ones notice nothing.

`IP_FHIR_HOSTILE_LOOPS` says how many loops each honest hospital opens (12; `make soak`: 300).
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, Referral, State
from ip_fhir.store import open_store
from tests.support.hostile import Flood, at_it, hostile_servers
from tests.support.hostile_town import (
    HONEST,
    HOSTILE,
    HostileTown,
    message_of,
    notice_of,
    running_hostile_town,
    token,
)
from tests.support.outcome import Kept, kept
from tests.support.processes import Zygote

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

LOOPS = int(os.environ.get("IP_FHIR_HOSTILE_LOOPS", "12"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))
SECONDS_FOR_A_LOOP = 20
"""The longest that an honest loop may take, the staff's work and a restart of the municipality within it."""
UNANSWERING = ("silent", "dripping", "lying")
HELD = 3  # loops that each of those opens


@pytest.mark.promise(1, 2)
@pytest.mark.timeout(180 + 12 * LOOPS)
def test_honest_loops_close_on_time(zygote: Zygote, tmp_path: Path) -> None:
    """Whatever the others do, and with kills: each honest loop closes in time, nobody gets or changes another's."""
    forger = Forger()
    with running_hostile_town(tmp_path, zygote, LOOPS) as town, hostile_servers(town.ports):
        for name in UNANSWERING:
            for number in range(HELD):
                assert town.post(name, message_of(notice_of(name, number))).status_code == 200
        flood = Flood(town.url, token("flooding"), message_of(notice_of("flooding", 0)), SEED)
        doing = [flood.damaged, flood.half_sent, flood.wrong_token, lambda: forger.tries(town)]
        with at_it(*doing), killing(town, random.Random(SEED)):
            town_finishes(town)
        flood.close()
        began = time.monotonic()
        assert town.servers["municipality"].end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 15, "the municipality did not end while peers are silent"
        for one in town.everybody:
            if one.pid is not None:
                one.end(signal.SIGTERM)
    assert forger.succeeded == []
    assert forger.tried["notice"] > 0
    assert not [status for status in flood.statuses if status >= 500 and status != 503]
    assert wrong(town) == []


def town_finishes(town: HostileTown) -> None:
    """Wait until each honest hospital has all its loops confirmed."""
    stores = {name: open_store(town.database(name)) for name in HONEST}
    deadline = time.monotonic() + 60 + SECONDS_FOR_A_LOOP / 4 * LOOPS
    try:
        while any(
            store.figures().loops.get(State.CONFIRMED, 0) < LOOPS or store.outbox("waiting", 1)
            for store in stores.values()
        ):
            assert time.monotonic() < deadline, "the honest loops do not close; see the logs"
            time.sleep(0.2)
    finally:
        for store in stores.values():
            store.close()


class killing:  # noqa: N801 - reads as a sentence
    """Kills one of the processes every few seconds, at moments that chance chooses, and starts it again."""

    def __init__(self, town: HostileTown, chance: random.Random) -> None:
        self._town, self._chance = town, chance
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._kill)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _kill(self) -> None:
        while not self._stop.wait(self._chance.uniform(1.0, 4.0)):
            victim = self._chance.choice(self._town.everybody)
            victim.kill()
            victim.start()


class Forger:
    """A peer with a token of its own that tries to speak, read and end in the name of the honest hospitals."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.succeeded: list[str] = []
        self._number = 0

    def tries(self, town: HostileTown) -> None:
        """Everything once, about the next of the honest loops."""
        self._number = (self._number + 1) % LOOPS
        for nth, victim in enumerate(HONEST):
            forged = notice_of("forging", self._number + nth * LOOPS, in_the_name_of=victim)
            self._note("notice", town.post("forging", message_of(forged)))
            theirs = notice_of(victim, self._number)
            self._note("cancel", town.post("forging", message_of(theirs, MessageKind.CANCELLATION, text="No more.")))
        headers = {"Authorization": f"Bearer {token('forging')}"}
        for place in (f"Task/loop-{self._number}-1", f"ServiceRequest/loop-{self._number}"):
            self._note("read", requests.get(f"{town.url}/{place}", headers=headers, timeout=30))
        found = requests.get(f"{town.url}/Task", headers=headers, timeout=30)
        if found.ok and (found.json().get("total") or found.json().get("entry")):
            self.succeeded.append(f"search: {found.json()['total']}")
        self.tried["search"] += 1

    def _note(self, what: str, answer: requests.Response) -> None:
        self.tried[what] += 1
        if answer.ok and (what == "read" or '"ok"' in answer.text):
            self.succeeded.append(f"{what}: HTTP {answer.status_code}")


def wrong(town: HostileTown) -> list[str]:
    """Everything that is not as it must be in the stores."""
    sides = {name: _kept(town, name) for name in ("municipality", *HONEST)}
    problems = [f"{name}: {damage}" for name, side in sides.items() for damage in side.damage]
    unit = sides["municipality"]
    by_sender: dict[str, dict[str, Referral]] = {name: {} for name in (*HONEST, *HOSTILE)}
    for referral in unit.referrals.values():
        by_sender[referral.notice.id.split("-")[1]][referral.notice.correlation_id] = referral
    for name in HONEST:
        problems += _wrong_loops(name, sides[name], by_sender[name])
    problems += [f"a forged notice was taken in: {ident}" for ident in by_sender["forging"]]
    for name in UNANSWERING:
        if len(by_sender[name]) != HELD:
            problems.append(f"{name}: {len(by_sender[name])} loops there")
    kinds = Counter(link.record.event.kind for link in unit.evidence)
    if kinds[EventKind.CANCEL]:
        problems.append("a loop was cancelled by somebody else")
    return problems


def _wrong_loops(name: str, hospital: Kept, theirs: dict[str, Referral]) -> list[str]:
    problems = []
    if len(hospital.referrals) != LOOPS or theirs.keys() != hospital.referrals.keys():
        problems.append(f"{name}: {len(hospital.referrals)} loops here and {len(theirs)} there")
    for ident, ours in hospital.referrals.items():
        there = theirs.get(ident)
        if there is None or (ours.state, there.state) != (State.CONFIRMED, State.CONFIRMED) or ours.form != there.form:
            problems.append(f"{name}: {ident} is {ours.state} here and {there.state if there else 'nowhere'} there")
        elif ours.form and ours.form.id != f"form-{ours.notice.id}":
            problems.append(f"{name}: {ident} has somebody else's form")
        took = (ours.changed - ours.opened).total_seconds()
        if took > SECONDS_FOR_A_LOOP:
            problems.append(f"{name}: {ident} took {took:.0f} s")
    effected = [message for message, times in hospital.effected.items() if times > 1]
    return problems + [f"{name}: {message} had more than one effect" for message in effected]


def _kept(town: HostileTown, name: str) -> Kept:
    store = open_store(town.database(name))
    try:
        return kept(store)
    finally:
        store.close()
