"""Signed heads: the end of the chain at a time, as a JWS that proves that it stood so, kept where the store is not.

A head is one file with one line, a compact JWS (RFC 7515) with the type `ip-fhir-head`, by Ed25519 or by ES256,
whichever the key is for. Its payload is {"number", "hash", "at"}: records in the chain, hash of the last, time in UTC.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.ports import ChainHead
from ip_fhir.store.chain import Head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from joserfc.jwk import ECKey, OKPKey

SUFFIX: Final = ".jws"
_TYPE: Final = "ip-fhir-head"
_ALGORITHMS: Final = {"Ed25519": "Ed25519", "P-256": "ES256"}
_LONGEST: Final = 4096  # characters of a line


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head whose signature is right: the end of the chain `at` a time (UTC)."""

    head: ChainHead
    at: datetime


class HeadKey:
    """A key that heads are signed with, or its public half, that they are checked with."""

    def __init__(self, pem: str) -> None:
        """Reads a key in PEM. Raises `InvalidInput` (value: no such key; not-supported: joserfc is not installed)."""
        self._key, self._algorithm = _read_key(pem)

    @property
    def signs(self) -> bool:
        """True if it is a private key."""
        return bool(self._key.is_private)

    def sign(self, head: ChainHead, at: datetime) -> str:
        """Returns the line of a head at a time (UTC). Raises `InvalidInput` for a public key."""
        from joserfc import jws

        if not self.signs:
            raise InvalidInput.at("key", "a public key cannot sign: give the private one")
        payload = orjson.dumps({"number": head.number, "hash": head.hash, "at": at.isoformat()})
        header = {"alg": self._algorithm, "typ": _TYPE}
        return jws.serialize_compact(header, payload, self._key, algorithms=[self._algorithm])

    def read(self, line: str) -> SignedHead:
        """Returns the head that a line says. Raises `InvalidInput` (security) unless this key signed it as a head."""
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            signed = jws.deserialize_compact(line[:_LONGEST].strip(), self._key, algorithms=[self._algorithm])
            said: dict[str, Any] = orjson.loads(signed.payload)
            head = Head.parse(f"{said['number']} {said['hash']}")
            at = datetime.fromisoformat(said["at"])
        except (JoseError, ValueError, TypeError, KeyError):
            raise InvalidInput.at("", "no head that this key has signed", "security") from None
        if head is None or signed.headers().get("typ") != _TYPE:
            raise InvalidInput.at("", "signed with this key, but no head", "security")
        return SignedHead(ChainHead(head.number, head.hash), at)


def _read_key(pem: str) -> tuple[OKPKey | ECKey, str]:
    try:
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey, OKPKey
    except ImportError:
        raise InvalidInput.at("", "signed heads need ip-fhir[evidence]", "not-supported") from None
    for kind in (OKPKey, ECKey):
        with suppress(JoseError, ValueError, TypeError):
            key = kind.import_key(pem)
            if key.curve_name in _ALGORITHMS:
                return key, _ALGORITHMS[key.curve_name]
    raise InvalidInput.at("", "no key for signatures in PEM: Ed25519, or EC with the curve P-256")


def slot(at: datetime, every: timedelta) -> str:
    """Returns the name of the file for the head of the interval that a time is in.

    >>> slot(datetime(2026, 3, 2, 12, 59, tzinfo=UTC), timedelta(hours=1))
    '20260302T120000Z.jws'
    """
    seconds = int(every.total_seconds())
    begins = datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
    return f"{begins:%Y%m%dT%H%M%SZ}{SUFFIX}"


def keep_line(file: Path, line: str) -> bool:
    """Writes a line to a new file, on the disk before it has its name. False if there is a file of this name already.

    Several processes may do so at once: one of them writes it. Raises `OSError`.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("w", encoding="ascii") as written:
            written.write(f"{line}\n")
            written.flush()
            os.fsync(written.fileno())
        os.link(part, file)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def signed_lines(place: Path) -> Iterator[tuple[str, str]]:
    """Yields name and line of each head in a file, or in the files of a directory, by name.

    Raises `InvalidInput` (not-found) if nothing can be read there, or no head is there.
    """
    try:
        files = sorted(place.glob(f"*{SUFFIX}")) if place.is_dir() else [place]
        lines = [
            (f"{file.name}:{number}", line)
            for file in files
            for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), 1)
        ]
    except OSError as error:
        raise InvalidInput.at(place.name, f"cannot be read: {error.strerror}", "not-found") from None
    if not lines:
        raise InvalidInput.at(place.name, "no signed head is there", "not-found")
    yield from lines


def read_heads(place: Path, key: HeadKey) -> tuple[list[SignedHead], list[Problem]]:
    """Returns the heads in a file or directory that the key has signed, and a problem for each other line.

    Raises as `signed_lines`.
    """
    heads: list[SignedHead] = []
    problems: list[Problem] = []
    for name, line in signed_lines(place):
        try:
            heads.append(key.read(line))
        except InvalidInput as error:
            problems += (Problem(name, problem.reason, problem.code) for problem in error.problems)
    return heads, problems
