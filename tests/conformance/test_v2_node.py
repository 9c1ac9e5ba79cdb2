"""node-hl7-server and its client, in a network of their own: it listens at every address, whatever it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import tools
from tests.conformance.engines import MODES, message
from tests.conformance.interop import Row, observe
from tests.support.gate import require

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

ALONE = ["unshare", "--user", "--map-root-user", "--net"]
TALK = Path(__file__).with_name("v2node") / "talk.py"


def namespace_problem() -> str:
    """Why no network of its own can be had here; empty if one can."""
    if absent := tools.missing("unshare"):
        return absent
    tried = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    return f"this machine gives no network namespace: {tried.stderr.strip()}" if tried.returncode else ""


def test_node_hl7_server(checkout: Path) -> None:
    """Both directions, all modes: each message is acknowledged, and comes to each side as it was sent.

    Killed in the middle, both ways: each message is acknowledged in the end, and each notice has one effect here.
    """
    missing = tools.missing("node", "npm")
    require(not missing, f"{missing}: install Node 20.8 or newer, with npm")
    problem = namespace_problem()
    require(not problem, problem)
    version = tools.node_peer()
    found = json.loads(tools.run([*ALONE, sys.executable, str(TALK)], checkout, PYTHONPATH=str(checkout)))
    for mode, asked in MODES.items():
        assert found["we_send"][mode] == "ok"
        observe(Row("node-hl7-server", "we send", mode, "receipt ok", version))
        heard = found["they_send"][mode]
        (code,) = {code for code, _ in heard["answers"]}
        assert [ident for _, ident in heard["answers"]] == ["N0", "N1", "N2"]
        assert heard["came"] == [message(f"N{number}", *asked).decode().rstrip("\r") for number in range(3)]
        observe(Row("node-hl7-server", "they send", mode, f"{code} read, each message once", version))
    taking, sending = found["killed"]
    assert taking == {"receipts": {f"K{number}": "ok" for number in range(6)}, "kills": 6}
    assert sending["taken"] == [f"loop-{number}" for number in range(6)]
    assert sending["problems"] == []
    assert sending["kills"] > 1
    observe(Row("node-hl7-server", "both directions, killed", "enhanced", "each message once, nothing lost", version))
    assert found["more"] == ["ok"] * 10
    assert len(found["took"]) == len(set(found["took"])) + 1, "it went back to more than the first message"
