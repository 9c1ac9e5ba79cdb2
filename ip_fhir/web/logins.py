"""Failed log-ins: counted, told, and slowed down by the address that they come from.

An address may fail a few times; after that it has to wait, longer after each further failure, and meanwhile its tokens
are not even looked at (HTTP 429), so that guessing is as slow as the waiting. A token that was right from this address
before is let in all the same: behind a proxy that the settings do not name everybody has one address, and one who
guesses there must not shut out the others.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from ip_fhir.web.clients import FORWARDED, Proxies
from ip_fhir.web.entry.certificates import thumbprint_of
from ip_fhir.web.issuer.needs import needed
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from ip_fhir.logs import CountedLog
    from ip_fhir.web.issuer import Issuer

T = TypeVar("T")

_PROOF = "ip_fhir.proof"
_FREE = 10  # failures before the first wait
_LONGEST = 60.0  # seconds
_FORGOTTEN = 900.0  # seconds after its last failure an address begins anew
_MOST_ADDRESSES = 10_000
_MOST_KNOWN = 100  # tokens that are kept as right, of one address


@dataclass(slots=True)
class _Address:
    """An address: its failures, the time of the last, until when it waits, and digests of tokens that were right."""

    failures: int = 0
    last: float = 0.0
    until: float = 0.0
    known: deque[bytes] = field(default_factory=lambda: deque(maxlen=_MOST_KNOWN))


class Logins:
    """Checks tokens, and makes whoever guesses them wait. Used by the event loop's thread only."""

    def __init__(
        self,
        proxies: Proxies,
        counted: CountedLog,
        clock: Callable[[], float] = time.monotonic,
        issuer: Issuer | None = None,
    ) -> None:
        self._proxies = proxies
        self._issuer = issuer
        self._counted = counted
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self.failed = 0

    def check(
        self, request: Request, find: Callable[[str], T | None], find_client: Callable[[str], T | None] | None = None
    ) -> T:
        """Returns whose the request's token is: by `find`, or the client's that an authorisation server gave it to.

        Raises `BadRequest`: 401 for no token or an unknown one, 400 for two, 403 if the token does not allow the
        request, 429 with the seconds to wait after too many unknown ones, 503 while the server's keys are read.
        """
        scheme, token = shown_token(request)
        if token is None or (scheme != "bearer" and self._issuer is None):
            raise _unauthorized()
        self._tell_unnamed_proxy(request)
        client = self._proxies.client(request)
        address = self._addresses.get(client)
        digest = sha256(token.encode()).digest()
        if address is not None and digest not in address.known:
            self._require_turn(address)
        found = find(token) if scheme == "bearer" else None
        if found is None and find_client is not None:
            found = self._client(request, scheme, token, find_client)
        if found is None:
            self._fail(client)
            raise _unauthorized()
        self._succeed(client, digest)
        return found

    def _client(self, request: Request, scheme: str, token: str, find_client: Callable[[str], T | None]) -> T | None:
        """The client that a token of the authorisation server was given to; None if it is none, or not known here."""
        if self._issuer is None:
            return None
        proofs, path = request.headers.getlist("dpop"), _path_below(request)
        grant = self._issuer.grant(token, scheme, request.method, path, proofs, thumbprint_of(request))
        found = None if grant is None else find_client(grant.client)
        if grant is not None and found is not None:
            if grant.proof is not None:
                request.scope[_PROOF] = grant.proof
            request.state.allows = grant.allows
            type_, letters = needed(request.method, path)
            if not grant.allows(type_, letters):
                raise BadRequest(403, f"the token allows no system/{type_}.{letters}", "forbidden", counted="scope")
        return found

    def refuse_replay(self, request: Request) -> BadRequest:
        """Count a proof that was shown to another process before, as a wrong token, and return the refusal."""
        self._fail(self._proxies.client(request))
        return _unauthorized()

    def _require_turn(self, address: _Address) -> None:
        wait = address.until - self._clock()
        if wait > 0:
            seconds = math.ceil(wait)
            reason = f"too many log-ins with unknown tokens: wait {seconds} seconds"
            raise BadRequest(429, reason, "throttled", counted="too-many-log-ins", retry_after=seconds)

    def _fail(self, client: str) -> None:
        now = self._clock()
        self.failed += 1
        self._counted.note("wrong-token", f"log-ins with an unknown token, the last from {client}")
        address = self._of(client)
        if now - address.last > _FORGOTTEN:
            address.failures = 0
        address.failures += 1
        address.last = now
        beyond = address.failures - _FREE
        if beyond >= 0:
            address.until = now + min(_LONGEST, 2.0 ** min(beyond, 10))

    def _succeed(self, client: str, digest: bytes) -> None:
        address = self._of(client)
        if digest not in address.known:
            address.known.append(digest)

    def _of(self, client: str) -> _Address:
        """The record of an address; of too many, those heard of longest ago are forgotten."""
        address = self._addresses.setdefault(client, _Address())
        self._addresses.move_to_end(client)
        if len(self._addresses) > _MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        return address

    def _tell_unnamed_proxy(self, request: Request) -> None:
        host = request.client.host if request.client is not None else ""
        if host not in self._proxies and any(name in request.headers for name in FORWARDED):
            words = "requests came through a proxy that http.proxies does not name: its clients count as one address"
            self._counted.note("unnamed-proxy", words)


def proof_of(request: Request) -> str | None:
    """Returns the digest of the proof of possession by which a request was let in; None for a token without one."""
    found: str | None = request.scope.get(_PROOF)
    return found


def bearer_token(request: Request) -> str | None:
    """Returns the request's bearer token; None if it shows none. Raises `BadRequest` 400 for two `Authorization`."""
    scheme, token = shown_token(request)
    return token if scheme == "bearer" else None


def shown_token(request: Request) -> tuple[str, str | None]:
    """Returns the scheme, in small letters, and the token of a request; no token for other schemes than two.

    These are `bearer` and `dpop`. Raises `BadRequest` 400 for two `Authorization`.
    """
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        raise BadRequest(400, "two headers say who you are", "structure", "Authorization", counted="two-log-ins")
    scheme, _, token = (headers[0] if headers else "").partition(" ")
    known = scheme.lower() in ("bearer", "dpop")
    return scheme.lower(), token.strip() or None if known else None


def _path_below(request: Request) -> str:
    """The path below the endpoint, which may be mounted in a larger application."""
    whole: str = request.scope["path"]
    return whole.removeprefix(request.scope.get("root_path", ""))


def _unauthorized() -> BadRequest:
    return BadRequest(401, "a bearer token of a known party is required", "security")
