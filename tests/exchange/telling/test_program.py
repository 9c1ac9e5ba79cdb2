"""A program is one way among others: it is given what `tell.command` is, of its reasons, and holds up nobody."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

from ip_fhir.domain.effects import Reason
from tests.exchange.telling.conftest import Ward, webhook
from tests.support.webhook_receiver import webhook_receiver

Make = Callable[..., Ward]


def program(directory: Path, text: str) -> str:
    """A program of the site's own; written again under the same name, it does something else."""
    file = directory / "tell"
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_one_that_fails_is_run_again(tmp_path: Path, ward: Make) -> None:
    """Later, and in order; a webhook is told meanwhile, and of all reasons."""
    out = tmp_path / "out"
    pager = {"name": "pager", "way": "command", "reasons": ["escalated"], "command": [program(tmp_path, "exit 3")]}
    with webhook_receiver() as receiver:
        made = ward(pager, webhook(receiver.url))
        for ident, reason in (("a", Reason.ESCALATED), ("b", Reason.VACANT), ("c", Reason.ESCALATED)):
            made.item(ident, reason, text="Kari Testesen", to="Ola Testesen")
        made.run()
        assert receiver.items() == ["a", "b", "c"]
        (first, *_) = made.exchange.store.outbox("waiting")
        assert (first.peer, first.last_error) == ("pager", "the command: exit code 3")
        program(tmp_path, f'cat >> "{out}"')
        made.run(minutes=5)
    said = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one["item"] for one in said] == ["a", "c"]
    assert said[0] == {
        "item": "a",
        "loop": "loop-of-a",
        "aggregate": {"kind": "referral", "id": "loop-of-a"},
        "side": "hospital",
        "reason": "escalated",
        "words": "ledelsen er varslet",
        "number": None,
        "form": None,
        "missing": [],
        "due": None,
    }


def test_authorities_that_cannot_be_read(ward: Make) -> None:
    """A file that is gone is an outcome like any other: the row says so, and is tried again."""
    server = {"host": "127.0.0.1", "port": 9, "sender": "a@b.example", "security": "tls", "trusted": "none.pem"}
    made = ward({"name": "team", "way": "e-mail", "recipients": ["c@d.example"]}, smtp=server)
    made.item("a")
    made.run()
    status, error = made.rows()["a"]
    assert status == "waiting"
    assert error is not None
    assert error.startswith("could not be told: trusted: cannot be read")
