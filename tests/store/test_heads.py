"""Signed heads: written once, read only with the key that signed them, and each shown to be in the chain."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from ip_fhir.errors import InvalidInput
from ip_fhir.ports import ChainHead
from ip_fhir.store.integrity.heads import HeadKey, SignedHead, keep_line, read_heads, slot
from ip_fhir.testing.store_samples import NOON, after, at_once

HEAD = ChainHead(6, "1df9" * 16)
KINDS: dict[str, OKPKey | ECKey] = {"Ed25519": OKPKey.generate_key("Ed25519"), "P-256": ECKey.generate_key("P-256")}


def pair(kind: str = "Ed25519") -> tuple[HeadKey, HeadKey]:
    """A private key, and its public half."""
    key = KINDS[kind]
    return HeadKey(key.as_pem(private=True).decode()), HeadKey(key.as_pem(private=False).decode())


@pytest.mark.parametrize("kind", KINDS)
def test_signed_and_read(kind: str) -> None:
    """What is signed with the private key is read with the public one: number, hash, time."""
    private, public = pair(kind)
    assert (private.signs, public.signs) == (True, False)
    assert public.read(private.sign(HEAD, NOON)) == SignedHead(HEAD, NOON)
    with pytest.raises(InvalidInput, match="a public key cannot sign"):
        public.sign(HEAD, NOON)


def test_a_line_is_an_ordinary_jws() -> None:
    """Anybody can check it with a library of their own."""
    private, _ = pair()
    found = jws.deserialize_compact(private.sign(HEAD, NOON), KINDS["Ed25519"], algorithms=["Ed25519"])
    assert found.headers() == {"alg": "Ed25519", "typ": "ip-fhir-head"}


def test_what_is_not_read() -> None:
    """Another's signature, a changed line, another algorithm, something else signed with the key, nonsense."""
    private, public = pair()
    line = private.sign(HEAD, NOON)
    stranger = HeadKey(OKPKey.generate_key("Ed25519").as_pem(private=True).decode())
    key = KINDS["Ed25519"]
    others = [
        stranger.sign(HEAD, NOON),
        pair("P-256")[0].sign(HEAD, NOON),
        line[:40] + ("A" if line[40] != "A" else "B") + line[41:],
        line[:-5],
        "",
        "nonsense",
        "å.å.å",
        "a" * 10_000,
    ]
    header = {"alg": "Ed25519", "typ": "ip-fhir-head"}
    payloads = (b"{}", b"[]", b'{"number":1,"hash":"a","at":"soon"}', b'{"number":"x","hash":"a","at":"2026-01-01"}')
    others += [jws.serialize_compact(header, payload, key, algorithms=["Ed25519"]) for payload in payloads]
    payload = b'{"number":1,"hash":"a","at":"2026-01-01T00:00:00+00:00"}'
    others.append(jws.serialize_compact({"alg": "Ed25519", "typ": "JWT"}, payload, key, algorithms=["Ed25519"]))
    for other in others:
        with pytest.raises(InvalidInput) as caught:
            public.read(other)
        assert caught.value.problems[0].code == "security"


def test_keys_that_are_none() -> None:
    """A text that is no key, or one for something else, is refused without being repeated."""
    for pem in ("nonsense nonsense", "", ECKey.generate_key("P-384").as_pem(private=True).decode()):
        with pytest.raises(InvalidInput, match="no key for signatures in PEM") as caught:
            HeadKey(pem)
        assert pem[5:15] == "" or pem[5:15] not in str(caught.value)


def test_slots() -> None:
    """An interval's name is that of its begin in UTC, whatever the zone of the time."""
    hour = timedelta(hours=1)
    assert slot(NOON, hour) == slot(after(minutes=59, seconds=59), hour) == "20260302T120000Z.jws"
    assert slot(after(minutes=60), hour) == "20260302T130000Z.jws"
    assert slot(NOON.astimezone(timezone(timedelta(hours=2))), hour) == "20260302T120000Z.jws"
    assert slot(datetime(2026, 3, 2, 12, 7, tzinfo=UTC), timedelta(minutes=5)) == "20260302T120500Z.jws"


def test_one_of_several_writes(tmp_path: Path) -> None:
    """Several at once: one of them writes the file, whole; the others are told that it is there."""
    file = tmp_path / "head.jws"
    done = at_once(4, lambda number: keep_line(tmp_path / "head.jws", str(number)))
    assert sorted(done) == [False, False, False, True]
    assert file.read_text() == f"{done.index(True)}\n"
    assert list(tmp_path.iterdir()) == [file]


def test_many_heads(tmp_path: Path) -> None:
    """All lines of a file, all files of a directory by name; each that is wrong is named; none is an error."""
    private, public = pair()
    with pytest.raises(InvalidInput, match="no signed head is there"):
        read_heads(tmp_path, public)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_heads(tmp_path / "missing.jws", public)
    keep_line(tmp_path / "b.jws", private.sign(HEAD, NOON))
    keep_line(tmp_path / "a.jws", private.sign(ChainHead(5, "0" * 64), NOON))
    (tmp_path / "c.jws").write_bytes(b"\xff\xfe\n")
    heads, problems = read_heads(tmp_path, public)
    assert [one.head.number for one in heads] == [5, 6]
    assert [problem.path for problem in problems] == ["c.jws:1"]
    both = tmp_path / "all.txt"
    both.write_text((tmp_path / "a.jws").read_text() + (tmp_path / "b.jws").read_text())
    assert [one.head.number for one in read_heads(both, public)[0]] == [5, 6]
