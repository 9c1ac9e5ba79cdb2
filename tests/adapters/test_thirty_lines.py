"""The adapter that docs/plugins.md shows in thirty lines: installed as a plug-in, it keeps the contract and a loop."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ip_fhir.plugins import adapters
from ip_fhir.ports import Adapter, Outgoing
from ip_fhir.testing import AdapterContract, PeerDouble
from tests.adapters.peer_double import HttpPeer, http_peer
from tests.support.by_adapter import LOOP, loop_by


@pytest.fixture
def plain_http(checkout: Path, plugin_site: Path) -> Path:
    """The distribution, as pip leaves it, with the code and the entry point that the page shows."""
    text = (checkout / "docs" / "plugins.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- file: plain_http.py -->\n```python\n(.*?)```", text, re.DOTALL)
    (entry_point,) = re.findall(r"Its entry point, `(plain-http = \"plain_http:PlainHttp\")`", text)
    assert len([line for line in code.splitlines() if line.strip()]) <= 30
    (plugin_site / "plain_http.py").write_text(code, encoding="utf-8")
    info = plugin_site / "plain_http-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain_http\nVersion: 1.0\n", encoding="utf-8")
    point = entry_point.replace('"', "")
    (info / "entry_points.txt").write_text(f"[ip_fhir.adapters]\n{point}\n", encoding="utf-8")
    return plugin_site


class TestPlainHttp(AdapterContract):
    """It keeps every promise of an adapter."""

    @pytest.fixture
    def adapter(self, plain_http: Path) -> Adapter:
        """Found by its name."""
        assert plain_http.is_dir()
        return adapters(["plain-http"])["plain-http"]

    @pytest.fixture
    def peer(self) -> Iterator[HttpPeer]:
        """A FHIR endpoint."""
        with http_peer() as peer:
            yield peer

    def outgoing(self, peer: PeerDouble, ident: str = "message-1") -> Outgoing:
        """The peer reads the id off the content's first word."""
        made = super().outgoing(peer, ident)
        return replace(made, content=ident.encode() + b" " + made.content)


def test_a_loop(plain_http: Path, tmp_path: Path) -> None:
    """A notice, a question, its answer and the green form go through it, between two endpoints on real sockets."""
    assert plain_http.is_dir()
    with loop_by("plain-http", tmp_path) as sides:
        for exchange in sides.values():
            stored = exchange.store.referral(LOOP)
            assert stored is not None
            assert stored.referral.state == "confirmed"
            assert exchange.store.refusals() == []
