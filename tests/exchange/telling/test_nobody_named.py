"""Nothing of a person leaves by e-mail, webhook or command, whatever happens in five loops over five weeks."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import _words
from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import Reason
from ip_fhir.exchange.telling.opening import recipients_of
from ip_fhir.report.words.codes import LANGUAGES, word
from ip_fhir.report.words.told import SAID
from tests.exchange.telling.conftest import e_mail, smtp, told_settings, webhook
from tests.support.mail_server import mail_server
from tests.support.two_sides import EXAMPLES, all_examples, make_loop, notice
from tests.support.webhook_receiver import webhook_receiver

_OF_PERSONS = {"family", "given", "text", "value", "identifier", "line", "city", "postal_code", "name", "title"}
"""The fields of notices and green forms with words, names and numbers."""


def words_of_persons() -> set[str]:
    """All words, names, phones and numbers of the example notices and green forms, each as a whole."""
    import json

    found = set[str]()

    def gather(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                gather(inner, key)
        elif isinstance(value, list):
            for inner in value:
                gather(inner, name)
        elif isinstance(value, str) and name in _OF_PERSONS and len(value) > 3:
            found.add(value)

    for folder in ("notices", "green_forms"):
        for file in (EXAMPLES / folder).glob("*.json"):
            gather(json.loads(file.read_text(encoding="utf-8")))
    return found


def test_nobody_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a body, a header, an address, an id, or the log; in both sides' e-mails, webhooks and commands."""
    out = tmp_path / "out"
    program = tmp_path / "tell"
    program.write_text(f'#!/bin/sh\ncat >> "{out}"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with mail_server() as box, webhook_receiver() as receiver, caplog.at_level(logging.DEBUG):
        settings = told_settings(
            tmp_path,
            webhook(receiver.url),
            e_mail("team@hospital.example"),
            e_mail("leader@hospital.example", name="leaders", digest_at="07:30"),
            {"name": "program", "way": "command", "command": [str(program)]},
            smtp=smtp(box.port),
        )
        two = (Agreement(two_coordinators_allowed=True),)
        loop = make_loop(tmp_path, two, recipients=recipients_of(settings, _words))
        all_examples(loop)
        loop.clock.forward(days=2)
        loop.settle()
        loop.hospital.exchange.close()
        loop.municipality.exchange.close()
    posts = [f"{one.path} {one.headers} {one.body.decode()}" for one in receiver.came]
    lines = out.read_text(encoding="utf-8").splitlines()
    logged = [one.getMessage() for one in caplog.records if one.name.startswith("ip_fhir")]
    assert len(posts) > 20
    assert len(lines) == len(posts) == len(box.to("team@hospital.example"))
    assert len(box.to("leader@hospital.example")) > 5
    everything = "\n".join([box.everything(), *posts, *lines, *logged])
    named = words_of_persons()
    assert len(named) > 100
    assert {notice("03").owner.name.family, str(notice("03").owner.identifier)} <= named
    assert [one for one in named if one in everything] == []


def test_an_e_mail_says_no_reason_that_is_about_somebody() -> None:
    """The reasons that it says have no word about a person, a plan, consent or what was decided, in either language."""
    about = {
        *[
            "person",
            "plan",
            "koordinator",
            "coordinator",
            "samtykke",
            "consent",
            "død",
            "dead",
            "adresse",
            "address",
            "medlem",
            "member",
        ]
    }
    about |= {*["avslått", "rejected", "tiltak", "measure", "deltaker", "participant", "mentor", "fadder"]}
    said = {(reason, word(reason, language).lower()) for reason in SAID for language in LANGUAGES}
    assert [(reason, one) for reason, words in said for one in about if one in words] == []
    assert Reason.DECEASED not in SAID
