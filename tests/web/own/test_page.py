"""The commands of docs/own.md, run as they stand there against two real sides."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ip_fhir.settings import HttpSettings
from ip_fhir.web.own.app import create_own_app
from ip_fhir.web.protection import Protection
from ip_fhir.web.serving import Server, server_config
from tests.support.own_program import TOKEN
from tests.support.served import eventually
from tests.support.two_sides import Loop, Side, form, notice

_TRIED = re.compile(r"<!-- tried: [\w/.]+ -->\n```sh\n(.*?)```", re.DOTALL)


@contextmanager
def served(side: Side) -> Iterator[str]:
    """The interface of a side on a real socket, in a thread."""
    settings = HttpSettings(port=0)
    protection = Protection.of(settings, side.exchange.limits)
    server = Server(server_config(create_own_app(side.exchange, {"ehr": TOKEN}, protection), settings, protection))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, 240)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands are curl's")
@pytest.mark.may_skip(reason="a machine without curl")
def test_the_page_from_notice_to_green_form(loop: Loop, tmp_path: Path, checkout: Path) -> None:
    """Each command succeeds, in the order of the page; between two of them the sides send what is due."""
    found = _TRIED.search((checkout / "docs" / "own.md").read_text(encoding="utf-8"))
    assert found is not None
    commands = found[1].strip().splitlines()
    (tmp_path / "notice.json").write_text(notice("03").to_json(), encoding="utf-8")
    (tmp_path / "green-form.json").write_text(form("03-stroke-patient-2").to_json(), encoding="utf-8")
    first = next(number for number, line in enumerate(commands) if not line.strip())
    function, steps = "\n".join(commands[:first]), commands[first + 1 :]
    with served(loop.hospital) as hospital, served(loop.municipality) as municipality:
        variables = {"TOKEN": TOKEN, "KEY": "1f6c", "HOSPITAL": hospital, "MUNICIPALITY": municipality}
        for step in steps:
            done = subprocess.run(
                ["bash", "-c", f"{function}\n{step}"],
                cwd=tmp_path,
                env={**os.environ, **variables, "NO_PROXY": "127.0.0.1"},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, (step, done.stdout, done.stderr)
            loop.settle()
    assert loop.states("referral-03") == ("confirmed", "confirmed")
