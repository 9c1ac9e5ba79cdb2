"""The assertion of who we are (RFC 7523), and the proof that we hold the key of our token (RFC 9449)."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from ip_fhir.wire.auth.keys import signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.wire.auth.keys import Signer

_ASSERTION_SECONDS: Final = 240  # SMART allows five minutes at most; clocks differ


def assertion(signer: Signer, client_id: str, audience: str, clock: Callable[[], float] = time.time) -> str:
    """Returns an assertion that we are this client, for one use at the token endpoint `audience`."""
    now = int(clock())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
        "jti": str(uuid4()),
    }
    return signed(signer, {"typ": "JWT", "kid": signer.key_id}, claims)


def proof(
    signer: Signer,
    method: str,
    url: str,
    *,
    token: str | None = None,
    nonce: str | None = None,
    clock: Callable[[], float] = time.time,
) -> str:
    """Returns a proof for one request, and for the token that goes with it; the address without query and fragment."""
    address = urlsplit(url)
    claims: dict[str, Any] = {
        "htm": method,
        "htu": f"{address.scheme}://{address.netloc}{address.path}",
        "iat": int(clock()),
        "jti": str(uuid4()),
    }
    if token is not None:
        claims["ath"] = urlsafe_b64encode(sha256(token.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    if nonce is not None:
        claims["nonce"] = nonce
    return signed(signer, {"typ": "dpop+jwt", "jwk": dict(signer.public)}, claims)
