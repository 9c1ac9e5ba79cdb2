"""Damaged requests of every kind against a running endpoint: an answer to each, nothing stored by mistake.

`IP_FHIR_DAMAGED` says how many (400; `make soak`: 100,000), `IP_FHIR_SEED` begins the same chance again.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.store import open_store
from tests.support.hostile import damage
from tests.support.hostile_town import HostileTown, message_of, notice_of, token
from tests.support.outcome import kept
from tests.support.processes import Zygote

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

DAMAGED = int(os.environ.get("IP_FHIR_DAMAGED", "400"))
SEED = int(os.environ.get("IP_FHIR_SEED", "20260112"))
AT_ONCE = 4
SECONDS_FOR_AN_ANSWER = 5.0


@pytest.mark.timeout(120 + DAMAGED)
def test_damaged_requests(zygote: Zygote, tmp_path: Path) -> None:
    """Not one is answered by 5xx or later than 5 s; no person in the log; a whole notice is taken in afterwards."""
    town = HostileTown(tmp_path, zygote, loops=0)
    server = town.servers["municipality"]
    server.start()
    try:
        until_it_answers(town)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            senders = [Sender(town, SEED + nth) for nth in range(AT_ONCE)]
            found = list(pool.map(lambda sender: sender.send(DAMAGED // AT_ONCE), senders))
        assert town.post("east", message_of(notice_of("east", 1))).status_code == 200
    finally:
        server.kill_if_running()
    statuses, slowest = sum((s for s, _ in found), Counter[int]()), max(seconds for _, seconds in found)
    assert not [status for status in statuses if status >= 500], statuses
    assert slowest < SECONDS_FOR_AN_ANSWER
    assert sum(statuses.values()) == DAMAGED // AT_ONCE * AT_ONCE
    assert len(statuses) > 3, "too much alike: nothing was tried"
    log = server.log.read_text(encoding="utf-8")
    assert not [word for word in words_about_the_person() if word in log]
    assert len(log) < 100_000 + 10 * DAMAGED
    with closing(open_store(town.database("municipality"))) as store:
        stored = kept(store)
        assert stored.damage == []
        assert any(referral.notice.id == "notice-east-1" for referral in stored.referrals.values())


def until_it_answers(town: HostileTown, seconds: float = 30) -> None:
    """Wait until the municipality's endpoint is there."""
    deadline = time.monotonic() + seconds
    while not town.answers("municipality"):
        assert time.monotonic() < deadline, "the endpoint does not answer; see the log"
        time.sleep(0.02)


def words_about_the_person() -> list[str]:
    """What must not be in a log."""
    owner = notice_of("flooding", 0).owner
    return [str(owner.identifier), owner.name.family, *(contact.value for contact in owner.contacts)]


class Sender:
    """Sends damaged requests under a token of its own, one after another, each of a kind that chance chooses."""

    def __init__(self, town: HostileTown, seed: int) -> None:
        self._url = town.url
        self._random = random.Random(seed)
        self._session = requests.Session()
        self._number = seed * 1_000_000
        self._kinds: list[Callable[[], requests.Response]] = [
            self._message,
            self._message,
            self._transaction,
            self._task,
            self._search,
            self._search_form,
            self._headers,
            self._noise,
        ]

    def send(self, number: int) -> tuple[Counter[int], float]:
        """So many; returns their answers' statuses, and the longest wait in seconds."""
        statuses, slowest = Counter[int](), 0.0
        with self._session:
            for _ in range(number):
                began = time.monotonic()
                answer = self._random.choice(self._kinds)()
                slowest = max(slowest, time.monotonic() - began)
                statuses[answer.status_code] += 1
        return statuses, slowest

    def _send(self, method: str, place: str, content: bytes = b"", **headers: str) -> requests.Response:
        given = {"Authorization": f"Bearer {token('flooding')}", "Content-Type": FHIR_JSON}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.request(method, f"{self._url}/{place}", data=content, headers=given, timeout=60)

    def _damaged_notice(self) -> bytes:
        self._number += 1
        return damage(message_of(notice_of("flooding", self._number)), self._random)

    def _message(self) -> requests.Response:
        return self._send("POST", "$process-message", self._damaged_notice())

    def _transaction(self) -> requests.Response:
        content = self._damaged_notice().replace(b'"type":"message"', b'"type":"transaction"')
        return self._send("POST", "", content)

    def _task(self) -> requests.Response:
        number = self._number - self._random.randrange(3)
        version = self._random.choice(['W/"1"', 'W/"2"', '"x"', "*"])
        body = b'{"resourceType":"Task","id":"loop-%d-1","status":"cancelled"}' % number
        return self._send("PUT", f"Task/loop-{number}-1", damage(body, self._random), If_Match=version)

    def _search(self) -> requests.Response:
        name = self._random.choice(["status", "identifier", "_id", "code", "_count", "patient", "\x00", "a.b"])
        value = "".join(chr(self._random.randrange(1, 0x250)) for _ in range(self._random.randrange(40)))
        given = {"Authorization": f"Bearer {token('flooding')}"}
        return self._session.get(f"{self._url}/Task", params={name: value}, headers=given, timeout=60)

    def _search_form(self) -> requests.Response:
        content = damage(b"status=received&identifier=a%7Cb&_count=3", self._random)
        return self._send("POST", "Task/_search", content, Content_Type="application/x-www-form-urlencoded")

    def _headers(self) -> requests.Response:
        name = self._random.choice(
            ["Accept", "Content-Type", "Content-Encoding", "If-Match", "Expect", "Authorization"]
        )
        value = self._random.choice(["", "*", "gzip", "text/xml", "application/fhir+json; charset=utf-16", "x" * 4000])
        return self._send("POST", "$process-message", b"{}", **{name: value})

    def _noise(self) -> requests.Response:
        content = self._random.randbytes(self._random.randrange(2000))
        method = self._random.choice(["POST", "PUT", "PATCH", "DELETE", "GET"])
        place = self._random.choice(["", "Task", "Task/..%2f..", "ServiceRequest/%00", "metadata", "x" * 3000])
        return self._send(method, place, content)
