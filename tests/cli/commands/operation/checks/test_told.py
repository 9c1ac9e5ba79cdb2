"""`ip-fhir doctor` has a line for each of those who are told, and warns of what they were not told."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ip_fhir.cli.commands.operation.checks.told import check_tellings, check_told
from tests.exchange.telling.conftest import Ward, e_mail, told_settings, webhook
from tests.support.webhook_receiver import webhook_receiver

HOST = {"host": "mail.example", "sender": "ip-fhir@hospital.example"}


def test_a_line_for_each(tmp_path: Path) -> None:
    """By what, of how many reasons, at which hours; no address, no key."""
    settings = told_settings(
        tmp_path,
        webhook("https://ehr.example/told"),
        e_mail("a@b.example", "c@b.example", digest_at="07:30", working_days_only=True),
        {"name": "pager", "way": "command", "command": ["sh"], "reasons": ["escalated"], "quiet_hours": "20:00-07:00"},
        smtp=HOST,
    )
    assert [(what, status, detail) for what, status, detail in check_told(settings)] == [
        ("told ehr", "ok", "webhook, all reasons"),
        ("told team", "ok", "2 addresses, all reasons, on working days, together at 07:30"),
        ("told pager", "ok", "command, 1 reasons, quiet 20:00-07:00"),
    ]


def test_what_cannot_be_used(tmp_path: Path) -> None:
    """A program that is not there, authorities that cannot be read."""
    command = {"name": "pager", "way": "command", "command": ["no-such-program-anywhere"]}
    settings = told_settings(tmp_path, command, smtp={**HOST, "trusted": "none.pem"})
    assert [(what, status) for what, status, _ in check_told(settings)] == [("told pager", "fail"), ("smtp", "fail")]


def test_what_they_were_not_told(tmp_path: Path) -> None:
    """Rows that are parked, and those that failed three times; not those that merely wait."""
    with webhook_receiver() as receiver:
        receiver.answer = 500
        ward = Ward(tmp_path, webhook(receiver.url))
        with closing(ward.exchange):
            ward.item("a")
            ward.run()
            assert list(check_tellings(ward.exchange.store)) == []
            for _ in range(2):
                ward.run(minutes=10)
            (found,) = check_tellings(ward.exchange.store)
            assert found == ("told ehr", "warn", "not told after 3 attempts: HTTP 500")
            ward.run(minutes=20)
            (found,) = check_tellings(ward.exchange.store)
            assert found.detail == "1 rows are parked, the last: HTTP 500; ip-fhir outbox retry repeats one"
