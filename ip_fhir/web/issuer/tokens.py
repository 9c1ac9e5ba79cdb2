"""Access tokens as JWT (RFC 9068), and the proofs that go with those that are bound to a key (DPoP, RFC 9449).

What is wrong with one is told in the words of these standards, without anything of its content.
"""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joserfc.jwk import ECKey, RSAKey
    from joserfc.jws import JWSRegistry

    from ip_fhir.settings.auth import IssuerSettings
    from ip_fhir.web.issuer.keys import IssuerKeys

ALGORITHMS: Final = ("ES256", "ES384", "RS256", "RS384", "PS256", "PS384")
_LEEWAY: Final = 60  # seconds by which clocks may differ
_PROOF_SECONDS: Final = 120  # that a proof may be old, or made by a clock that is ahead
SECONDS_REMEMBERED: Final = 2 * _PROOF_SECONDS
"""The seconds for which a proof is remembered: after them it is too old to be shown again."""
_MOST_PROOFS: Final = 100_000
_LONGEST: Final = 16_384  # characters of a token
_SCOPE: Final = re.compile(r"system/(\*|[A-Z][A-Za-z]+)\.(\*|read|write|c?r?u?d?s?)")
_OLD_FORM: Final = {"*": "cruds", "read": "rs", "write": "cud"}  # SMART v1 in the letters of v2


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that is right: the client that it was given to, and what it allows, each type with its letters.

    `proof` is the digest (hexadecimal) of the proof that was shown with it, which this process has not seen before.
    """

    client: str
    scopes: tuple[tuple[str, str], ...]
    proof: str | None = None

    def allows(self, type_: str, letters: str) -> bool:
        """True if it allows these of create, read, update, delete, search for this type of resource; `*`: for all."""
        given = {letter for kind, found in self.scopes if kind in ("*", type_) for letter in found}
        return given.issuperset(letters)


class Issuer:
    """Checks tokens of the authorisation server that settings name. Used by the event loop's thread only."""

    def __init__(
        self, settings: IssuerSettings, keys: IssuerKeys, url: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings, self.keys = settings, keys
        self._url, self._clock = url.rstrip("/"), clock
        self._proofs: OrderedDict[str, float] = OrderedDict()

    def grant(
        self, token: str, scheme: str, method: str, path: str, proofs: list[str], certificate: str | None = None
    ) -> Grant | None:
        """The grant of a token that was shown as `scheme` for a request; None if it is no token of this issuer's.

        `proofs` are the headers `DPoP`, `certificate` is the thumbprint of the client's certificate (RFC 8705).
        Raises `BadRequest` 503 while a key that the token names is looked for.
        """
        claims = self._claims(token)
        if claims is None or not self._is_for_us(claims):
            return None
        bound, proof = claims.get("cnf"), None
        if bound is None or (certificate is not None and bound == {"x5t#S256": certificate}):
            if scheme != "bearer" or self.settings.dpop == "required":
                return None
        elif not isinstance(bound, dict) or set(bound) != {"jkt"} or scheme != "dpop":
            return None  # bound by other means, which we cannot check, or shown as if it were not bound
        elif (proof := self._proof(proofs, method, path, token, bound["jkt"])) is None:
            return None
        client = next((claims[name] for name in ("client_id", "azp", "sub") if claims.get(name)), None)
        return Grant(client, _scopes_of(claims), proof) if isinstance(client, str) else None

    def _claims(self, token: str) -> dict[str, Any] | None:
        header = _header(token)
        key_id = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(key_id, str):
            return None
        if str(header.get("typ", "JWT")).lower() not in ("jwt", "at+jwt", "application/at+jwt"):
            return None  # an assertion or a proof is no access token
        key = self.keys.find(key_id)
        if key is None:
            if self.keys.wanted():
                reason = "the keys of the authorisation server are being read: come again"
                raise BadRequest(503, reason, "security", counted="issuer-keys", retry_after=2)
            return None
        return _read(token, key)

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        audience, now = claims.get("aud"), self._clock()
        ours = self.settings.audience in (audience if isinstance(audience, list) else [audience])
        end, start = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(end, int | float) or not isinstance(start, int | float):
            return False
        return claims.get("iss") == self.settings.issuer and ours and start - _LEEWAY <= now < end + _LEEWAY

    def _proof(self, proofs: list[str], method: str, path: str, token: str, thumbprint: object) -> str | None:
        """The digest of the one proof, if it is of the token's key, for this request and token, and not seen before."""
        if len(proofs) != 1:
            return None
        header = _header(proofs[0])
        if header.get("typ") != "dpop+jwt" or header.get("alg") not in ALGORITHMS:
            return None
        key = _public_key(header.get("jwk"))
        if key is None or key.thumbprint() != thumbprint:
            return None
        claims = _read(proofs[0], key)
        if claims is None or claims.get("htm") != method or not self._is_here(claims.get("htu"), path):
            return None
        made, ident, now = claims.get("iat"), claims.get("jti"), self._clock()
        if not isinstance(made, int | float) or abs(now - made) > _PROOF_SECONDS or not isinstance(ident, str):
            return None
        digest = sha256(f"{thumbprint} {ident}".encode()).hexdigest()
        return digest if claims.get("ath") == _digest(token) and self._is_first(digest, now) else None

    def _is_here(self, address: object, path: str) -> bool:
        try:
            said, ours = urlsplit(str(address)), urlsplit(f"{self._url}{path}")
            same = (said.scheme, said.hostname, said.port) == (ours.scheme, ours.hostname, ours.port)
        except ValueError:
            return False
        return same and said.path == ours.path

    def _is_first(self, proof: str, now: float) -> bool:
        while self._proofs and next(iter(self._proofs.values())) < now - SECONDS_REMEMBERED:
            self._proofs.popitem(last=False)
        if proof in self._proofs or len(self._proofs) >= _MOST_PROOFS:
            return False
        self._proofs[proof] = now
        return True


def _read(token: str, key: ECKey | RSAKey) -> dict[str, Any] | None:
    """The claims of a JWT that this key has signed; None if it has not."""
    from joserfc.errors import JoseError
    from joserfc.jws import deserialize_compact

    try:
        signed = deserialize_compact(token, key, registry=_registry())
        found = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


@cache
def _registry() -> JWSRegistry:
    """The algorithms that are taken, and headers in which there is room for the RSA key of a proof."""
    from joserfc.jws import JWSRegistry

    made = JWSRegistry(algorithms=ALGORITHMS)
    made.max_header_length = _LONGEST
    return made


def _header(token: str) -> dict[str, Any]:
    """The header of what may be a JWT; without fields if it is none."""
    head, dot, _ = token[: _LONGEST + 1].partition(".")
    if len(token) > _LONGEST or not dot:
        return {}
    try:
        found = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _public_key(jwk: object) -> ECKey | RSAKey | None:
    """The public key in the header of a proof; None for a private one, and for none."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    if not isinstance(jwk, dict) or {"d", "p", "q", "k"} & set(jwk):
        return None
    kinds: dict[object, type[ECKey | RSAKey]] = {"EC": ECKey, "RSA": RSAKey}
    try:
        return kinds[jwk.get("kty")].import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _scopes_of(claims: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The interactions that a token allows: SMART's system scopes of both versions; others allow nothing here."""
    said = claims.get("scope", claims.get("scp", ""))
    listed = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    words = [word for word in listed if isinstance(word, str)]
    found = (_SCOPE.fullmatch(word) for word in words[:1_000])
    return tuple((one[1], _OLD_FORM.get(one[2], one[2])) for one in found if one is not None)


def _digest(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode("ascii")
