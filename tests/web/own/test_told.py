"""How our own people are told, by HTTP: how far each is, and events of a webhook again from a number on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.exchange.telling.conftest import Ward, e_mail, smtp, webhook
from tests.support.mail_server import mail_server
from tests.support.own_program import Program, done, program_of, refused
from tests.support.webhook_receiver import WebhookReceiver, webhook_receiver

Told = tuple[Ward, Program, WebhookReceiver]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """A hospital with a webhook and e-mail, its record system, and the receiver."""
    with webhook_receiver() as receiver, mail_server() as box:
        ward = Ward(tmp_path, webhook(receiver.url), e_mail("team@hospital.example"), smtp=smtp(box.port))
        yield ward, program_of(ward.exchange), receiver
        ward.exchange.close()


def test_replay(told: Told) -> None:
    """As the command does: in order, the same ids; who is told is listed without an address."""
    ward, program, receiver = told
    for ident in ("a", "b", "c"):
        ward.item(ident)
    ward.run()
    assert done(program.post("told/ehr/replay", {"first": 2})) == {"name": "ehr", "first": 2, "events": 2}
    ward.run()
    assert receiver.numbers() == [1, 2, 3, 2, 3]
    listed = done(program.get("told"))
    assert [(one["name"], one["last"], one["parked"]) for one in listed["items"]] == [("ehr", 3, 0), ("team", 3, 0)]
    assert "hospital.example" not in str(listed)


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("nobody", {"first": 1}, 404, "not-found"),
        ("ehr", {"first": 0}, 422, "value"),
        ("ehr", {"first": "1"}, 422, "value"),
        ("ehr", {}, 422, "required"),
    ],
)
def test_refusals(told: Told, name: str, body: dict[str, object], status: int, code: str) -> None:
    """An unknown name, and what is no number, are refused with their place."""
    _, program, receiver = told
    refused(program.post(f"told/{name}/replay", body), status, code)
    assert receiver.came == []


def test_only_a_webhook_is_replayed(told: Told) -> None:
    """E-mail is not: each row is repeated by itself."""
    _, program, _ = told
    refused(program.post("told/team/replay", {"first": 1}), 422, "not-supported")
