"""The adapter mllp: one message in flight, the receipt for this message alone, and no doubt about a connection."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput, PeerError, Rejected, Unavailable
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.plugins import adapter_names, adapters
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from ip_fhir.testing import AdapterContract, PeerDouble
from ip_fhir.testing.store_samples import PERSON
from ip_fhir.wire.tls import TlsFiles, server_context
from ip_fhir_mllp import Mllp
from ip_fhir_mllp import adapter as mllp
from tests.adapters.mllp_peer import MllpPeer, Pieces, ack, frame, message, mllp_peer
from tests.support.certificates import Authority
from tests.support.served import eventually
from tests.support.two_sides import side_settings

TIMEOUT = 0.3


@pytest.fixture
def adapter() -> Iterator[Mllp]:
    """As its entry point makes it."""
    made = mllp()
    yield made
    made.close()


@pytest.fixture
def peer() -> Iterator[MllpPeer]:
    """A system that takes MLLP."""
    with mllp_peer() as made:
        yield made


def outgoing(peer: MllpPeer, ident: str = "M1", timeout: float = 5.0, **options: Any) -> Outgoing:
    """A message to the peer."""
    return Outgoing(
        ident, "loop-1", message(ident), "x-application/hl7-v2+er7", Endpoint(peer.url, None, timeout, options)
    )


def refused(adapter: Mllp, message: Outgoing) -> PeerError:
    """The error that sending ends in."""
    with pytest.raises(PeerError) as caught:
        adapter.send(message)
    return caught.value


class TestMllp(AdapterContract):
    """Over MLLP, on loopback."""

    def outgoing(self, peer: PeerDouble, ident: str = "message-1") -> Outgoing:
        """A message with its id in it, and a person, and every byte that MLLP lets through."""
        made = super().outgoing(peer, ident)
        more = f"PID|||1||{PERSON}\r".encode() + bytes(byte for byte in range(256) if byte not in (0x0B, 0x1C))
        return dataclasses.replace(made, content=message(ident, more=more))


def test_it_is_installed() -> None:
    """Settings name it `mllp`, and it sends HL7 v2."""
    assert "mllp" in adapter_names()
    found = adapters(["mllp"])["mllp"]
    assert (found.name, found.format) == ("mllp", "hl7v2")


# --- receipts


@pytest.mark.parametrize(
    ("code", "error", "application_error", "expected"),
    [
        ("AA", "", "retry", "ok"),
        ("CA", "", "retry", "ok"),
        ("AR", "", "retry", "fatal-error"),
        ("CR", "207", "retry", "fatal-error"),
        ("AE", "", "retry", "transient-error"),
        ("AE", "", "reject", "fatal-error"),
        ("AE", "207", "retry", "transient-error"),
        ("CE", "206", "retry", "transient-error"),
        ("CE", "207", "reject", "fatal-error"),
        ("AE", "101", "retry", "fatal-error"),
        ("AE", "205", "retry", "fatal-error"),
        ("CE", "103", "retry", "fatal-error"),
    ],
)
def test_codes(adapter: Mllp, peer: MllpPeer, code: str, error: str, application_error: str, expected: str) -> None:
    """The code, and of an error ERR-3, say if it was stored, may come again, or never; a setting decides the rest."""
    peer.answer = lambda _: [frame(ack("M1", code, error))]
    line = Hl7v2Line.model_validate({"application_error": application_error})
    sent = outgoing(peer)
    receipt = adapter.send(
        dataclasses.replace(sent, endpoint=dataclasses.replace(sent.endpoint, lines={"hl7v2": line}))
    )
    assert receipt is not None
    assert (receipt.message_id, receipt.code) == ("M1", expected)
    assert (receipt.problems == ()) == (expected == "ok")


def test_the_id_on_the_wire_may_be_another(adapter: Mllp, peer: MllpPeer) -> None:
    """The receipt names the message by our own id, also where MSH-10 is a shorter one."""
    sent = dataclasses.replace(outgoing(peer, "short"), message_id="a-long-id-that-msh-10-cannot-hold")
    assert adapter.send(sent) == Receipt("a-long-id-that-msh-10-cannot-hold", "ok")


def test_a_message_as_the_answer(adapter: Mllp, peer: MllpPeer) -> None:
    """A message of its own with the acknowledgement in it goes along, to be taken in."""
    answer = ack("M1", "AA", kind="RRI^I12^RRI_I12") + b"RF1|A\r"
    peer.answer = lambda _: [frame(answer)]
    receipt = adapter.send(outgoing(peer))
    assert receipt is not None
    assert (receipt.code, receipt.reply) == ("ok", answer)
    assert "RRI" not in repr(receipt)


def test_no_answer_at_once(adapter: Mllp, peer: MllpPeer) -> None:
    """A message that asks for its acknowledgement later (NE, AL) is handed over, and nothing is waited for."""
    peer.answer = lambda _: None
    sent = dataclasses.replace(outgoing(peer), content=message("M1", "NE", "AL"))
    began = time.monotonic()
    assert adapter.send(sent) is None
    assert time.monotonic() - began < 1
    eventually(lambda: len(peer.received) == 1)


# --- what comes late, in pieces, or for another message


def test_mllp_late_ack(adapter: Mllp, peer: MllpPeer) -> None:
    """An answer that comes after the wait is over is never the next message's receipt.

    Source: nextgenhealthcare/connect #1441, #2070, #1314.
    """
    peer.answer = lambda content: [TIMEOUT + 0.2, frame(ack("M1"))] if b"|M1|" in content else [frame(ack("M1"))]
    first = refused(adapter, outgoing(peer, "M1", TIMEOUT))
    second = refused(adapter, outgoing(peer, "M2", 1.0))
    assert isinstance(first, Unavailable)
    assert isinstance(second, Unavailable)
    assert peer.connections == 2
    assert "for other messages" in str(second)


def test_mllp_ack_in_pieces(adapter: Mllp, peer: MllpPeer) -> None:
    """An acknowledgement in pieces, cut anywhere, is the receipt.

    Source: johnpaulett/python-hl7 #44; HCA-Healthcare/elixir-mllp #62, #63.
    """
    content = ack("M1")
    whole = frame(content) + b"\r\n"
    cuts = [[b"\x0b", 0.05, content, 0.05, b"\x1c\r"]]
    cuts += [[whole[:n], 0.001, whole[n:]] for n in range(1, len(whole), 7)]
    cuts.append([whole[n : n + 1] for n in range(len(whole))])
    for cut in cuts:
        peer.answer = lambda _, pieces=cut: pieces  # type: ignore[misc]
        assert adapter.send(outgoing(peer)) == Receipt("M1", "ok")


def test_other_frames_before_the_receipt(adapter: Mllp, peer: MllpPeer) -> None:
    """Frames that acknowledge another message, or that nobody can read, are dropped, and the wait goes on."""
    peer.answer = lambda _: [frame(ack("M0", "CR")) + frame(b"") + frame(b"MSH|?") + frame(ack("M1"))]
    assert adapter.send(outgoing(peer)) == Receipt("M1", "ok")


def test_the_last_end_of_a_segment_may_be_missing(adapter: Mllp, peer: MllpPeer) -> None:
    """An acknowledgement without its last CR, and one whose segments end with LF, are read."""
    for content in (ack("M1").removesuffix(b"\r"), ack("M1").replace(b"\r", b"\n"), ack("M1").replace(b"\r", b"\r\n")):
        peer.answer = lambda _, answer=content: [frame(answer)]  # type: ignore[misc]
        assert adapter.send(outgoing(peer)) == Receipt("M1", "ok")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([ack("M1")], "the answer is not framed"),
        ([b"\x0b" + ack("M1") + b"\x1c"], "no answer in time"),
        ([b"\x0b" + ack("M1")[:40]], "no answer in time"),
        ([], "no answer in time"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "the answer is not framed"),
    ],
)
def test_no_receipt(adapter: Mllp, peer: MllpPeer, answer: Pieces, words: str) -> None:
    """An answer without a frame, half a frame, or none, is no receipt: the error says which, and is tried again."""
    peer.answer = lambda _: answer
    error = refused(adapter, outgoing(peer, timeout=TIMEOUT))
    assert isinstance(error, Unavailable)
    assert words in str(error)
    assert f"127.0.0.1:{peer.port}" in str(error)


def test_a_connection_that_ends_before_the_answer(adapter: Mllp, peer: MllpPeer) -> None:
    """It is told at once, not after the wait."""
    peer.answer, peer.closes_after_answer = lambda _: [b"\x0bMSH"], True
    assert "broke off" in str(refused(adapter, outgoing(peer)))
    peer.answer = lambda _: []
    assert "closed without an answer" in str(refused(adapter, outgoing(peer)))


# --- one connection after the other


def test_a_connection_is_used_again(adapter: Mllp, peer: MllpPeer) -> None:
    """Ten messages one after the other take one connection."""
    for number in range(10):
        adapter.send(outgoing(peer, f"M{number}"))
    assert peer.connections == 1


def test_one_message_in_flight(adapter: Mllp, peer: MllpPeer) -> None:
    """Messages at the same time have a connection each, and are answered each on its own."""
    together = threading.Barrier(3, timeout=10)

    def answer(content: bytes) -> Pieces:
        together.wait()
        return [frame(ack(content.split(b"|")[9].decode()))]

    peer.answer = answer
    threads = [threading.Thread(target=adapter.send, args=(outgoing(peer, f"M{n}"),)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert peer.connections == 3
    assert len(peer.received) == 3


@pytest.mark.parametrize("what", ["bytes", "end"])
def test_a_connection_on_which_something_came(adapter: Mllp, peer: MllpPeer, what: str) -> None:
    """Bytes or an end on an idle connection: it is left before anything is written, and the message goes out once."""
    adapter.send(outgoing(peer, "M1"))
    if what == "bytes":
        peer.push(frame(ack("M2")))
    else:
        peer.hang_up()
    time.sleep(0.05)
    assert adapter.send(outgoing(peer, "M2")) == Receipt("M2", "ok")
    assert (peer.connections, len(peer.received)) == (2, 2)


def test_a_connection_that_timed_out_is_closed(adapter: Mllp, peer: MllpPeer) -> None:
    """After a wait in vain the connection is closed at once, and never used again."""
    peer.answer = lambda _: None
    refused(adapter, outgoing(peer, timeout=TIMEOUT))
    eventually(lambda: peer.ended == 1)


def test_a_peer_that_ends_each_connection(adapter: Mllp, peer: MllpPeer) -> None:
    """Once it is noticed, each message has a connection of its own, and none breaks off."""
    peer.closes_after_answer = True
    failed = 0
    for number in range(20):
        try:
            adapter.send(outgoing(peer, f"M{number}"))
        except Unavailable:
            failed += 1
    assert failed <= 1
    assert len(set(peer.received)) >= 19


def test_a_peer_that_goes_back_to_earlier_messages(adapter: Mllp, peer: MllpPeer) -> None:
    """Once one has acknowledged an earlier message again, as node-hl7-server does, no connection is used again."""

    def answer(_: bytes) -> Pieces:
        idents = [content.split(b"|")[9].decode() for content in peer.received]
        return [frame(ack(ident)) for ident in idents]

    peer.answer = answer
    for number in range(6):
        assert adapter.send(outgoing(peer, f"M{number}")) == Receipt(f"M{number}", "ok")
    assert peer.connections == 5


def test_nothing_is_sent_twice(adapter: Mllp, peer: MllpPeer) -> None:
    """A connection that ends under the message: the adapter does not send again by itself."""
    peer.answer, peer.closes_after_answer = lambda _: [], True
    refused(adapter, outgoing(peer))
    assert len(peer.received) == 1


@pytest.mark.parametrize("drip", [b"\x0b", b"\r", b"MSH"])
def test_it_ends_in_time(adapter: Mllp, peer: MllpPeer, drip: bytes) -> None:
    """A peer that sends a byte now and then does not prolong the wait."""
    pieces: list[bytes | float] = [b"\x0b"]
    for _ in range(40):
        pieces += [0.05, drip]
    peer.answer = lambda _: pieces
    began = time.monotonic()
    refused(adapter, outgoing(peer, timeout=TIMEOUT))
    assert time.monotonic() - began < 1.5  # the peer would go on for two seconds


# --- addresses, content, TLS


@pytest.mark.parametrize(
    ("url", "options", "place"),
    [
        ("mllp://ke.example:2575", {}, "plain_reason"),
        ("mllp://127.0.0.1:99999", {}, "url"),
        ("mllp://127.0.0.1/path", {}, "url"),
        ("https://127.0.0.1", {}, "url"),
        ("mllps://127.0.0.1", {"certificate": "/nowhere"}, "certificate"),
        ("mllps://127.0.0.1", {"trusted": "/nowhere"}, "trusted"),
        ("mllps://127.0.0.1", {"trusted": __file__}, "trusted"),
        ("mllp://127.0.0.1", {"colour": "red"}, ""),
    ],
)
def test_settings_that_cannot_be_used(adapter: Mllp, url: str, options: dict[str, str], place: str) -> None:
    """They are told at their place before anything is sent; sending says the same, for good."""
    endpoint = Endpoint(url, None, 1.0, options)
    with pytest.raises(InvalidInput) as caught:
        adapter.check(endpoint)
    assert [problem.path for problem in caught.value.problems] == [place]
    sent = Outgoing("M1", "loop-1", message("M1"), "x-application/hl7-v2+er7", endpoint)
    assert isinstance(refused(adapter, sent), Rejected)


def test_plain_with_a_reason(adapter: Mllp) -> None:
    """MLLP without TLS goes to another machine where settings say why it may."""
    adapter.check(Endpoint("mllp://ke.example", None, 1.0, {"plain_reason": "a tunnel encrypts the way"}))


@pytest.mark.parametrize("content", [b"no segment", message("M1") + b"\x0b", message("M1") + b"\x1c"])
def test_content_that_cannot_be_sent(adapter: Mllp, peer: MllpPeer, content: bytes) -> None:
    """Without MSH, or with a byte of the frame: refused for good, nothing is connected to."""
    assert isinstance(refused(adapter, dataclasses.replace(outgoing(peer), content=content)), Rejected)
    assert peer.connections == 0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority that both sides trust."""
    return Authority(tmp_path)


def test_tls_with_both_certificates(adapter: Mllp, authority: Authority) -> None:
    """Both sides show a certificate; the receipt comes, and the connection is used again."""
    theirs, ours = authority.certificate("ke"), authority.certificate("hospital", password="letmein")
    with mllp_peer(server_context(TlsFiles(**theirs))) as peer:
        options: dict[str, Any] = {**ours, "key_password": "letmein"}
        assert adapter.send(outgoing(peer, **options)) == Receipt("M1", "ok")
        assert adapter.send(outgoing(peer, **options)) == Receipt("M1", "ok")
        assert adapter.send(outgoing(peer, **options, server_name="ke.example")) == Receipt("M1", "ok")
        assert peer.connections == 2  # one for each set of options


def test_a_certificate_that_is_not_accepted(adapter: Mllp, authority: Authority, tmp_path: Path) -> None:
    """Another authority, another name, a date that is past: nothing of the message is sent, and the error says why."""
    (tmp_path / "other").mkdir()
    ours, theirs = authority.certificate("hospital"), authority.certificate("ke")
    stranger = Authority(tmp_path / "other", "stranger")
    with mllp_peer(server_context(TlsFiles(**theirs))) as peer:
        for options in ({**ours, "trusted": stranger.trusted}, {**ours, "server_name": "other.example"}):
            error = refused(adapter, outgoing(peer, timeout=2.0, **options))
            assert isinstance(error, Unavailable)
            assert "certificate is not accepted" in str(error)
        assert peer.received == []
    with mllp_peer(server_context(TlsFiles(**authority.certificate("past", days=-1)))) as peer:
        assert "expired" in str(refused(adapter, outgoing(peer, timeout=2.0, **ours)))
        assert peer.received == []


def test_a_peer_that_does_not_know_our_certificate(adapter: Mllp, authority: Authority, tmp_path: Path) -> None:
    """Without a certificate, or with one that the peer does not trust, nothing is received."""
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", "stranger").certificate("stranger")
    with mllp_peer(server_context(TlsFiles(**authority.certificate("ke")))) as peer:
        for options in ({"trusted": authority.trusted}, {**stranger, "trusted": authority.trusted}):
            assert isinstance(refused(adapter, outgoing(peer, timeout=2.0, **options)), Unavailable)
        assert peer.received == []


@pytest.mark.parametrize("tls_at", ["ours", "theirs"])
def test_tls_on_one_side_only(adapter: Mllp, authority: Authority, tls_at: str) -> None:
    """Plain MLLP to a TLS port, and TLS to a plain port: an error that is tried again, and nothing is received."""
    files = authority.certificate("ke")
    with mllp_peer(server_context(TlsFiles(**files)) if tls_at == "theirs" else None) as peer:
        scheme = "mllps" if tls_at == "ours" else "mllp"
        sent = outgoing(peer, timeout=1.0, trusted=authority.trusted)
        sent = dataclasses.replace(
            sent, endpoint=dataclasses.replace(sent.endpoint, url=f"{scheme}://127.0.0.1:{peer.port}")
        )
        assert isinstance(refused(adapter, sent), Unavailable)
        assert [content for content in peer.received if content.startswith(b"MSH")] == []


def test_settings_are_checked_before_anything_is_sent(tmp_path: Path) -> None:
    """A side with a peer that cannot be sent to as settings say does not start; a path is beside the settings file."""
    options = {"certificate": {"path": "ours.pem"}, "server_name": " "}
    for url, wrong in (("mllp://ke.example", {}), ("mllps://ke.example/x", {}), ("mllps://ke.example", options)):
        with pytest.raises(InvalidInput) as caught:
            open_exchange(side_settings(tmp_path, Role.HOSPITAL, adapter="mllp", url=url, options=wrong))
        places = {problem.path for problem in caught.value.problems} - {"adapters.mllp"}
        expected = "url" if url.endswith("/x") else "options.server_name" if wrong else "options.plain_reason"
        assert places == {f"peers.0.{expected}"}
    kept = side_settings(tmp_path, Role.HOSPITAL, options=options).peers[0].options
    assert kept["certificate"] == str(tmp_path / "ours.pem")
