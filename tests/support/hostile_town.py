"""A municipality with two honest hospitals and five hostile ones: settings, processes, staff.

Both honest hospitals count their loops alike (`loop-1`, `loop-2`, ...), and so do the hostile ones: equal ids of
different parties must not meet. The honest hospitals and the municipality are processes that may be killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.place import free_ports
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.referral import Event, EventKind, Referral, Role, State
from ip_fhir.errors import IpFhirError, LoopError, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.mapping import default
from ip_fhir.settings import read_settings
from tests.support.processes import Running, Zygote, toml
from tests.support.two_sides import form, notice, organizations

HONEST = ("east", "west")
HOSTILE = ("silent", "dripping", "lying", "flooding", "forging")
_OPEN = [State.DELIVERED, State.ACCEPTED, State.ASSESSING, State.INCOMPLETE]
_WEIGHTS = (3, 2, 7, 6, 5, 4, 3, 2)


def organization_number(start: int) -> str:
    """The first valid organisation number (modulus 11) from nine digits on that begin with these eight."""
    for digits in range(start, start + 100):
        check = -sum(int(d) * w for d, w in zip(str(digits), _WEIGHTS, strict=True)) % 11
        if check < 10:
            return f"{digits}{check}"
    raise AssertionError(start)


NUMBERS = {
    name: {"organization_number": organization_number(31300000 + 200 * n), "her_id": str(90000500 + n)}
    for n, name in enumerate((*HONEST, *HOSTILE))
}


def token(name: str) -> str:
    """What a hospital shows the municipality."""
    return f"what-{name}-shows-the-municipality"


def notice_of(name: str, number: int, *, in_the_name_of: str | None = None) -> Notice:
    """A hospital's notice; the ids of loops are the same for all hospitals."""
    example = notice("03")
    said = {**NUMBERS[in_the_name_of or name], "name": f"{in_the_name_of or name} sykehus"}
    named = tuple(o.evolve(**said) if o.id == example.sender else o for o in example.organizations)
    return example.evolve(id=f"notice-{name}-{number}", correlation_id=f"loop-{number}", organizations=named)


def message_of(sent: Notice, kind: MessageKind = MessageKind.NOTICE, **more: Any) -> bytes:
    """A message of the sender of that notice, as bytes."""
    sender, recipient = organizations(sent)
    message = Message(
        id=f"message-{kind}-{sent.id}",
        kind=kind,
        correlation_id=sent.correlation_id,
        sent=datetime.now(UTC),
        sender=sender,
        recipient=recipient,
        notice=sent if kind is MessageKind.NOTICE else None,
        **more,
    )
    return write_json(default().message_to_fhir(message))


class HostileTown:
    """The settings and processes; `http` are the municipality's settings of its endpoint, `worker` of its worker."""

    def __init__(self, place: Path, zygote: Zygote, loops: int) -> None:
        self.place, self.loops = place, loops
        names = ("municipality", *HONEST, *HOSTILE)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.configs = {name: self._write(name) for name in ("municipality", *HONEST)}
        self.servers = {name: self._running(zygote, "serve", name) for name in self.configs}
        self.staff = {name: self._running(zygote, "staff", name) for name in self.configs}

    @property
    def url(self) -> str:
        """The municipality's address."""
        return f"http://127.0.0.1:{self.ports['municipality']}"

    @property
    def everybody(self) -> list[Running]:
        """All processes that may be killed."""
        return [*self.servers.values(), *self.staff.values()]

    def database(self, name: str) -> str:
        """A side's database."""
        return f"sqlite:///{self.place / name}.sqlite"

    def until_they_answer(self, seconds: float = 30) -> None:
        """Wait until the three endpoints are there."""
        deadline = time.monotonic() + seconds
        while not all(self.answers(name) for name in self.servers):
            assert time.monotonic() < deadline, "an endpoint does not answer; see the logs"
            time.sleep(0.02)

    def answers(self, name: str) -> bool:
        """True if a side's endpoint answers."""
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{self.ports[name]}/health/ready", timeout=5).ok
        return False

    def post(self, name: str, content: bytes) -> requests.Response:
        """Post a message to the municipality under a hospital's token."""
        headers = {"Authorization": f"Bearer {token(name)}", "Content-Type": FHIR_JSON}
        return requests.post(f"{self.url}/$process-message", content, headers=headers, timeout=30)

    def _running(self, zygote: Zygote, what: str, name: str) -> Running:
        more = {"name": name, "until": self.loops} if what == "staff" else {}
        return Running(zygote, what, self.configs[name], self.place / f"{what}-{name}.log", more)

    def _write(self, name: str) -> Path:
        _, unit = organizations(notice("03"))
        ours = {"id": "org-nordvik-ke", "name": unit.name, "kind": "coordinating-unit"}
        ours |= {"organization_number": str(unit.organization_number), "her_id": str(unit.her_id)}
        of_unit = name == "municipality"
        data: dict[str, Any] = {
            "role": "municipality" if of_unit else "hospital",
            "database": self.database(name),
            "organization": ours if of_unit else _hospital(name),
            "http": {"port": self.ports[name]},
            # What a process that is killed had claimed is taken over when the lease is over: a few seconds here.
            "worker": {"rest": 0.02, "lease": 10.0, "retry": {"first": 0.2, "cap": 2.0, "attempts": 10_000}},
            "peers": [self._hospital_peer(peer) for peer in (*HONEST, *HOSTILE)]
            if of_unit
            else [self._unit_peer(name, ours)],
        }
        file = self.place / f"{name}.toml"
        file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
        return file

    def _hospital_peer(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "url": f"http://127.0.0.1:{self.ports[name]}",
            "timeout": 5.0,
            "token": f"what-the-municipality-shows-{name}",
            "accepts": [token(name)],
            "organization": _hospital(name),
        }

    def _unit_peer(self, name: str, unit: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": "municipality",
            "url": self.url,
            "timeout": 5.0,
            "token": token(name),
            "accepts": [f"what-the-municipality-shows-{name}"],
            "organization": unit,
        }


def _hospital(name: str) -> dict[str, Any]:
    return {"id": f"org-{name}", "name": f"{name} sykehus", "kind": "hospital", **NUMBERS[name]}


@contextmanager
def running_hostile_town(place: Path, zygote: Zygote, loops: int) -> Iterator[HostileTown]:
    """The municipality and the honest hospitals at work; killed in the end."""
    town = HostileTown(place, zygote, loops)
    with ExitStack() as clean:
        for one in town.everybody:
            one.start()
            clean.callback(one.kill_if_running)
        town.until_they_answer()
        yield town


def work(config: str, name: str, until: int) -> None:
    """Do what a side's people do, until killed: the hospital's send `until` notices, the unit's answer each."""
    settings = read_settings(config)
    exchange = open_exchange(settings)
    while True:
        with suppress(StoreError, LoopError):  # somebody else was first: look again
            if settings.role is Role.HOSPITAL:
                _send_next(exchange, name, until)
            else:
                for referral in exchange.store.referrals(_OPEN, limit=1000):
                    _answer(exchange, referral)
        time.sleep(0.05)


def _send_next(exchange: Exchange, name: str, until: int) -> None:
    number = sum(exchange.store.figures().loops.values())
    if number < until:
        with suppress(IpFhirError):
            exchange.send_notice(notice_of(name, number))


def _answer(exchange: Exchange, referral: Referral) -> None:
    """Accept every second one first; then the green form."""
    sent = referral.notice
    number = int(sent.correlation_id.rpartition("-")[2])
    if number % 2 and referral.state is State.DELIVERED:
        exchange.act(referral.correlation_id, EventKind.ACCEPT)
        return
    answer = form("03-stroke-patient-2").evolve(id=f"form-{sent.id}", answers=sent.correlation_id)
    event = Event(id=answer.id, kind=EventKind.ANSWER, at=exchange.now(), raised_by=Role.MUNICIPALITY, form=answer)
    exchange.submit(referral.correlation_id, event)
