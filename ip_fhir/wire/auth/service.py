"""SMART Backend Services: a token of an authorisation server for the key that we hold, with DPoP where settings ask.

Sources: SMART App Launch 2.2 (Backend Services), RFC 6749 section 4.4, RFC 7523, RFC 9449. A token is kept until
shortly before its end, and asked for once, however many wait for it. No token, key or assertion is in any error.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from ip_fhir.errors import InvalidInput, Unavailable
from ip_fhir.ports.hosts import is_unheard
from ip_fhir.ports.http import HttpRequest
from ip_fhir.wire.auth.proofs import assertion, proof
from ip_fhir.wire.http import Http
from ip_fhir.wire.http.performer import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.ports.http import HttpAnswer
    from ip_fhir.wire.auth.keys import Signer

_CONFIGURATION: Final = ".well-known/smart-configuration"
_KNOWN_SECONDS: Final = 3600.0  # what a server says about itself
_MOST_BYTES: Final = 1_000_000
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SHORT: Final = 60.0  # seconds that a token lasts whose server does not say how long
_MARGIN: Final = 30.0  # seconds before its end that a token is used no more; of a short one, a tenth of its life
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,16000}=*")
_NONCE: Final = re.compile(r"[\x21-\x7e]{1,1000}")
_SAID: Final = frozenset(
    {
        "invalid_client",
        "invalid_dpop_proof",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "invalid_target",
        "unauthorized_client",
        "unsupported_grant_type",
        "use_dpop_nonce",
    }
)  # RFC 6749, 8707, 9449: anything else a server says may hold what it should not


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token, and the time by our steady clock at which it is used no more."""

    value: str = field(repr=False)
    until: float


@dataclass
class BackendService:
    """Our credentials with one server of FHIR, for all threads.

    `base` is its address, `token_url` that of its authorisation server (None: found by the server's configuration).
    `key` gives the key that signs now; `scope` is in SMART's form, such as `system/*.rs`. Raises `InvalidInput` for a
    token address that is not https, but on this machine.
    """

    base: str
    client_id: str
    key: Callable[[], Signer] = field(repr=False)
    scope: str = "system/*.cruds"
    token_url: str | None = None
    dpop: bool = False
    http: Http = field(default_factory=Http, repr=False)
    steady: Callable[[], float] = field(default=time.monotonic, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    def __post_init__(self) -> None:
        if self.token_url is not None and not _is_safe(self.token_url):
            raise InvalidInput.at("token_url", "is no https address")
        self._turn = threading.Lock()
        self._token: _Token | None = None
        self._found: tuple[str, float] | None = None
        self._nonces: dict[str, str] = {}

    def headers(self, request: HttpRequest, timeout: float) -> Mapping[str, str]:
        """Returns the headers that say who we are, with a token that lasts. Raises `Unavailable` if none is given."""
        token = self._lasting(timeout).value
        if not self.dpop:
            return {"Authorization": f"Bearer {token}"}
        nonce = self._nonces.get(_origin(request.url))
        signed = proof(self.key(), request.method, request.url, token=token, nonce=nonce, clock=self.clock)
        return {"Authorization": f"DPoP {token}", "DPoP": signed}

    def refused(self, request: HttpRequest, headers: Mapping[str, str], answer: HttpAnswer) -> bool:
        """Keeps what an answer says about our credentials; True if the request may succeed with new ones.

        A token that is refused before its end was taken back: another one is asked for. A server that wants its nonce
        in the proof has not looked at the request.
        """
        is_new = self._keep_nonce(request.url, answer)
        if answer.status != 401:
            return False
        if "use_dpop_nonce" in answer.headers.get("www-authenticate", ""):
            return is_new
        with self._turn:
            shown = headers.get("Authorization", "").partition(" ")[2]
            if self._token is not None and self._token.value == shown:
                self._token = None
        return True

    def close(self) -> None:
        """Closes this thread's connections to the authorisation server."""
        self.http.close()

    # --- the token

    def _lasting(self, timeout: float) -> _Token:
        token = self._token
        if token is not None and self.steady() < token.until:
            return token
        end = time.monotonic() + timeout
        if not self._turn.acquire(timeout=timeout):
            raise Unavailable(f"{host_of(self.base)}: no token in time")
        try:
            if self._token is None or self.steady() >= self._token.until:  # nobody else has asked meanwhile
                self._token = self._asked(end)
            return self._token
        finally:
            self._turn.release()

    def _asked(self, end: float) -> _Token:
        """Asks for a token: again with the server's nonce, and each time with a new assertion, which counts once."""
        url = self._token_address(end)
        answer = self._ask(url, end)
        if _error_of(answer) == "use_dpop_nonce" and self._keep_nonce(url, answer):
            answer = self._ask(url, end)
        self._keep_nonce(url, answer)
        return self._read(answer, host_of(url))

    def _ask(self, url: str, end: float) -> HttpAnswer:
        key = self.key()
        form = {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion(key, self.client_id, url, self.clock),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if self.dpop:
            headers["DPoP"] = proof(key, "POST", url, nonce=self._nonces.get(_origin(url)), clock=self.clock)
        return self._perform(HttpRequest("POST", url, headers, urlencode(form).encode()), end)

    def _read(self, answer: HttpAnswer, host: str) -> _Token:
        if answer.status != 200:
            said = _error_of(answer)
            words = f"no token for {self.client_id}: HTTP {answer.status}" + (f", {said}" if said else "")
            raise Unavailable(f"{host}: {words}", answer.retry_after)
        given = _object(answer.content)
        token, kind, lasts = (given.get(name) for name in ("access_token", "token_type", "expires_in"))
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or not isinstance(kind, str):
            raise Unavailable(f"{host}: the answer holds no access token")
        if kind.lower() != ("dpop" if self.dpop else "bearer"):
            raise Unavailable(f"{host}: gives tokens of another kind: settings say {'' if self.dpop else 'no '}DPoP")
        seconds = _SHORT if isinstance(lasts, bool) or not isinstance(lasts, int | float) else max(0.0, float(lasts))
        return _Token(token, self.steady() + seconds - min(_MARGIN, seconds / 10))

    # --- where the token is asked for

    def _token_address(self, end: float) -> str:
        if self.token_url is not None:
            return self.token_url
        if self._found is None or self.steady() >= self._found[1]:
            self._found = self._discovered(end), self.steady() + _KNOWN_SECONDS
        return self._found[0]

    def _discovered(self, end: float) -> str:
        host = host_of(self.base)
        url = f"{self.base.rstrip('/')}/{_CONFIGURATION}"
        answer = self._perform(HttpRequest("GET", url, {"Accept": "application/json"}), end)
        if answer.status != 200:
            raise Unavailable(f"{host}: HTTP {answer.status} for {_CONFIGURATION}: name token_url", answer.retry_after)
        said = _object(answer.content)
        for name, ours in (
            ("token_endpoint_auth_methods_supported", "private_key_jwt"),
            ("token_endpoint_auth_signing_alg_values_supported", self.key().algorithm),
        ):
            known = said.get(name)
            if isinstance(known, list) and ours not in known:
                raise Unavailable(f"{host}: takes no {ours} ({name})")
        found = said.get("token_endpoint")
        if not isinstance(found, str) or not _is_safe(found):
            raise Unavailable(f"{host}: its {_CONFIGURATION} has no token_endpoint with https")
        return found

    def _perform(self, request: HttpRequest, end: float) -> HttpAnswer:
        left = end - time.monotonic()
        if left <= 0:
            raise Unavailable(f"{host_of(request.url)}: no token in time")
        return self.http.perform(request, timeout=left, max_bytes=_MOST_BYTES)

    def _keep_nonce(self, url: str, answer: HttpAnswer) -> bool:
        """Keeps the nonce that a server wants in the next proof; True if it is another than before."""
        nonce, origin = answer.headers.get("dpop-nonce"), _origin(url)
        if nonce is None or not _NONCE.fullmatch(nonce) or self._nonces.get(origin) == nonce:
            return False
        self._nonces[origin] = nonce
        return True


def _origin(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.netloc}"


def _is_safe(url: str) -> bool:
    """True for an https address without credentials and fragment, or an http address of this machine."""
    return is_unheard(url) and "@" not in url and not urlsplit(url).fragment


def _object(content: bytes) -> dict[str, Any]:
    """The JSON object in an answer, or none of its fields."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _error_of(answer: HttpAnswer) -> str | None:
    """The code of an error by the standards; None for success, and for anything that is no such code."""
    said = None if answer.status < 400 else _object(answer.content).get("error")
    return said if isinstance(said, str) and said in _SAID else None
