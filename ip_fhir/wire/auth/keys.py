"""The private key of a client, and what is signed with it.

A key is text, or in a file that may be replaced while we run, or it is somebody else's `Signer`, such as a hardware
module's: then the key itself never comes here. No key is in any error or `repr`.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from joserfc.jwk import ECKey, RSAKey

# SMART App Launch 2.2 asks servers for RS384 and ES384; ES256 is what DPoP (RFC 9449) is mostly done with.
_OF_CURVE: Final = {"P-256": "ES256", "P-384": "ES384"}
_OF_RSA: Final = "RS384"
_SHORTEST_RSA: Final = 2048  # bits, RFC 7518 section 3.3
_LONGEST: Final = 65_536  # bytes of a key file


class Signer(Protocol):
    """A key that signs. `algorithm` is the JWS name, `public` the JWK without its private parts."""

    @property
    def algorithm(self) -> str:
        """`ES384`, `RS384` or `ES256`."""
        ...

    @property
    def key_id(self) -> str:
        """The `kid` under which the server knows the public key."""
        ...

    @property
    def public(self) -> Mapping[str, str]:
        """The public key as a JWK."""
        ...

    def sign(self, data: bytes) -> bytes:
        """The JWS signature (RFC 7518) of these bytes: of ECDSA, R and S one after the other."""
        ...


class TextKey:
    """A private key in PEM or JWK; `key_id` is the JWK's `kid`, else its thumbprint (RFC 7638)."""

    def __init__(self, text: str, key_id: str | None = None) -> None:
        """Reads the key. Raises `InvalidInput` (value: no such key; not-supported: joserfc is not installed)."""
        self._key, self.algorithm = _read(text)
        self.key_id: str = key_id or self._key.kid or self._key.thumbprint()
        self.public: Mapping[str, str] = _public(self._key)

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes."""
        from joserfc.jws import JWSRegistry

        return JWSRegistry.algorithms[self.algorithm].sign(data, self._key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.algorithm})"


class FileKey:
    """A private key in a file: called, it gives the key that is there now.

    Raises `InvalidInput` as `TextKey` when it is made, and (not-found) if the file cannot be read.
    """

    def __init__(self, file: Path, key_id: str | None = None) -> None:
        self._file, self._named = file, key_id
        self._stamp, self._key = self._read()

    def __call__(self) -> TextKey:
        """The key that is in the file now; while no key can be read from it, the last one."""
        with suppress(OSError, InvalidInput):
            if _stamp(self._file) != self._stamp:
                self._stamp, self._key = self._read()
        return self._key

    def _read(self) -> tuple[tuple[int, int, int], TextKey]:
        try:
            stamp = _stamp(self._file)
            with self._file.open(encoding="utf-8") as stream:
                text = stream.read(_LONGEST)
        except (OSError, UnicodeDecodeError):
            raise InvalidInput.at("key", "the file of the key cannot be read", "not-found") from None
        return stamp, TextKey(text, self._named)


def signed(signer: Signer, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """Returns a JWT (RFC 7519) in its compact form, signed by this key."""
    head = {"alg": signer.algorithm, **header}
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{text}.{_encoded(signer.sign(text.encode('ascii')))}"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _stamp(file: Path) -> tuple[int, int, int]:
    """A value that changes when the file is replaced or written."""
    found = file.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _read(text: str) -> tuple[ECKey | RSAKey, str]:
    try:
        from joserfc.jwk import ECKey
    except ImportError:
        reason = 'signing needs joserfc: pip install "ip-fhir[auth]"'
        raise InvalidInput.at("key", reason, "not-supported") from None
    found = _imported(text)
    if found is not None and found.is_private:
        if isinstance(found, ECKey):
            if found.curve_name in _OF_CURVE:
                return found, _OF_CURVE[found.curve_name]
        elif found.raw_value.key_size >= _SHORTEST_RSA:
            return found, _OF_RSA
    reason = f"holds no private key in PEM or JWK of P-384, P-256, or RSA of at least {_SHORTEST_RSA} bits"
    raise InvalidInput.at("key", reason)


def _imported(text: str) -> ECKey | RSAKey | None:
    """The key in a text, as the one of the two kinds that it is."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    for kind in (ECKey, RSAKey):
        with suppress(JoseError, ValueError, TypeError, KeyError):
            value = json.loads(text) if text.lstrip().startswith("{") else text
            return kind.import_key(value)
    return None


def _public(key: ECKey | RSAKey) -> dict[str, str]:
    names = ("kty", "crv", "x", "y", "n", "e")
    found = key.as_dict(private=False)
    return {name: str(found[name]) for name in names if name in found}
