"""The settings of a mock are those of the side that is tested, from the other end; what is on the wire may be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.mock import MockOptions
from ip_fhir.mock.opening import TESTED, opened
from ip_fhir.mock.wire import about_unknown_loop, cut_off
from ip_fhir.ports import Endpoint, Outgoing
from ip_fhir.settings import Settings

Made = Callable[..., Settings]


@pytest.mark.parametrize(("name", "party"), [("hospital", "municipality"), ("municipality", "hospital")])
def test_the_other_end(settings: Made, tmp_path: Path, name: str, party: str) -> None:
    """Role, organisation, address and tokens are the other side's, and nobody is known but the side that is tested."""
    ours = settings(name)
    (peer,) = ours.peers
    made = opened(ours, MockOptions(party), tmp_path)
    (theirs,) = made.settings.peers
    assert made.settings.role is Role(party)
    assert made.settings.organization == peer.organization
    assert (theirs.name, theirs.organization) == (TESTED, ours.organization)
    assert theirs.url == ours.http.url
    assert (theirs.token, theirs.accepts) == (peer.accepts[0], (peer.token,))
    assert (made.settings.http.url, made.url) == (peer.url, peer.url)
    assert made.settings.database.endswith(f"{tmp_path}/mock.sqlite")
    assert not made.settings.told
    assert not made.settings.tell.command


def test_over_mllp(settings: Made, tmp_path: Path) -> None:
    """It listens where the peer's address is, and sends to the listener of the side that is tested."""
    ours = settings(hl7v2=True)
    made = opened(ours, MockOptions("municipality"), tmp_path)
    (listener,), (theirs,) = made.settings.listeners, made.settings.peers
    assert made.http is None
    assert f"mllp://{listener.options['host']}:{listener.options['port']}" == ours.peers[0].url
    assert theirs.url == f"mllp://127.0.0.1:{ours.listeners[0].options['port']}"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"listeners": ()}, "listeners"),
        ({"url": "mllps://127.0.0.1:2575"}, "peers.0.url"),
        ({"url": "mllp://192.0.2.1:2575"}, "peers.0.url"),
    ],
)
def test_a_line_that_it_cannot_play(settings: Made, tmp_path: Path, change: dict[str, object], where: str) -> None:
    """No listener that hears the party, TLS, another machine: refused with the place."""
    ours = settings(hl7v2=True)
    (peer,) = ours.peers
    wrong = ours.evolve(**change) if "listeners" in change else ours.evolve(peers=(peer.evolve(**change),))
    with pytest.raises(InvalidInput) as raised:
        opened(wrong, MockOptions("municipality"), tmp_path)
    assert [problem.path for problem in raised.value.problems] == [where]


def test_other_machines_only_where_it_is_meant(settings: Made, tmp_path: Path) -> None:
    """An address of another machine is refused, unless the option says so."""
    ours = settings()
    (peer,) = ours.peers
    away = ours.evolve(peers=(peer.evolve(url="http://192.0.2.1:8080", plain_http=True),))
    with pytest.raises(InvalidInput, match="--other-machines"):
        opened(away, MockOptions("municipality"), tmp_path)
    made = opened(away, MockOptions("municipality", other_machines=True), tmp_path)
    assert made.http is not None
    assert made.http.host == "192.0.2.1"


def test_a_message_about_another_loop() -> None:
    """It has an id, a loop and an answered message of its own: nothing in it leads to what is known."""
    outgoing = Outgoing("m-1", "loop-1", b'{"id":"m-1","loop":"loop-1","answers":"n-1"}', "", Endpoint("http://x"))
    made = about_unknown_loop(outgoing, {"n-1"})
    for known in (b"m-1", b"loop-1", b"n-1"):
        assert known not in made.content
    assert made.message_id.encode() in made.content
    assert made.correlation_id.encode() in made.content


def test_a_message_that_is_cut_off() -> None:
    """Half of a text; of HL7 v2 the first segment."""
    assert cut_off(b"MSH|^~\\&|a\rPID|1\r") == b"MSH|^~\\&|a\r"
    assert cut_off(b'{"a": 1}') == b'{"a"'
