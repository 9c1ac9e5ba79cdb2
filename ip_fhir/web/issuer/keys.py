"""The public keys of an authorisation server, read again now and then, and when a token names one that is new.

They are read beside the requests, never in one: whoever sends tokens with made-up names of keys slows nobody down.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ip_fhir.errors import Unavailable
from ip_fhir.ports.hosts import is_unheard
from ip_fhir.ports.http import HttpRequest
from ip_fhir.wire.http import Http

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import ECKey, RSAKey

    from ip_fhir.settings.auth import IssuerSettings

log = logging.getLogger("ip_fhir.web")

_KINDS: Final = {"EC", "RSA"}
_MOST_KEYS: Final = 100
_MOST_BYTES: Final = 1_000_000
_SECONDS: Final = 10.0  # for one request
_AGAIN: Final = 600.0  # seconds after which the keys are read again
_SOONEST: Final = 30.0  # seconds between two readings, whatever clients send
# RFC 8414 section 3, and OpenID Connect Discovery: which of the two a server has, it says by answering.
_WELL_KNOWN: Final = ("oauth-authorization-server", "openid-configuration")


class IssuerKeys:
    """The keys that are known now. `start` reads them in a thread of its own until `stop`."""

    def __init__(
        self, settings: IssuerSettings, http: Http | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._http, self._clock = settings, http or Http(), clock
        self._keys: dict[str, ECKey | RSAKey] = {}
        self._read_at: float | None = None
        self._wake, self._over = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def find(self, key_id: str) -> ECKey | RSAKey | None:
        """The key of this name; None if it is not known, or not yet."""
        return self._keys.get(key_id)

    def wanted(self) -> bool:
        """Ask for the keys to be read again; True if they will be soon, False if they were read just now."""
        if self._read_at is not None and self._clock() - self._read_at < _SOONEST:
            return False
        self._wake.set()
        return True

    def start(self) -> None:
        """Read the keys from now on."""
        self._thread = threading.Thread(target=self._run, name="issuer-keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading."""
        self._over.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_SECONDS)

    def read(self) -> None:
        """Read the keys now. Raises `Unavailable`; the keys that are known stay known."""
        try:
            url = self._settings.jwks_url or self._found()
            self._keys = _keys_in(self._object(url))
        finally:
            self._read_at = self._clock()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.read()
            except Unavailable as error:
                log.warning("the keys of the authorisation server cannot be read: %s", error)
            wait = _AGAIN if self._keys else _SOONEST
            self._wake.wait(wait)
            self._wake.clear()
        self._http.close()

    def _found(self) -> str:
        issuer = self._settings.issuer.rstrip("/")
        address = urlsplit(issuer)
        failure = Unavailable(f"{address.netloc}: says nothing about itself: name jwks_url")
        for name in _WELL_KNOWN:
            # RFC 8414 puts the path of the issuer behind the well-known part, OpenID Connect before it.
            first = f"{address.scheme}://{address.netloc}/.well-known/{name}{address.path}"
            for url in dict.fromkeys((first, f"{issuer}/.well-known/{name}")):
                try:
                    said = self._object(url)
                except Unavailable as error:
                    failure = error
                    continue
                found = said.get("jwks_uri")
                if said.get("issuer") == self._settings.issuer and isinstance(found, str) and _is_safe(found):
                    return found
                failure = Unavailable(f"{address.netloc}: is another issuer than settings say, or has no jwks_uri")
        raise failure

    def _object(self, url: str) -> dict[str, Any]:
        host = urlsplit(url).netloc
        request = HttpRequest("GET", url, {"Accept": "application/json"})
        answer = self._http.perform(request, timeout=_SECONDS, max_bytes=_MOST_BYTES)
        if answer.status != 200:
            raise Unavailable(f"{host}: HTTP {answer.status}")
        try:
            found = json.loads(answer.content[:_MOST_BYTES])
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"{host}: the answer is no JSON object")
        return found


def _keys_in(found: dict[str, Any]) -> dict[str, ECKey | RSAKey]:
    """The keys of a set that have a name and can check signatures; others are left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    kinds: dict[str, type[ECKey | RSAKey]] = {"EC": ECKey, "RSA": RSAKey}
    keys: dict[str, ECKey | RSAKey] = {}
    given = found.get("keys")
    for one in given[:_MOST_KEYS] if isinstance(given, list) else ():
        if not isinstance(one, dict) or one.get("kty") not in _KINDS or one.get("use", "sig") != "sig":
            continue
        ident = one.get("kid")
        if not isinstance(ident, str) or ident in keys:
            continue
        try:
            keys[ident] = kinds[one["kty"]].import_key(one)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        message = "the authorisation server's set holds no key that we can use"
        raise Unavailable(message)
    return keys


def _is_safe(url: str) -> bool:
    return is_unheard(url) and "@" not in urlsplit(url).netloc
