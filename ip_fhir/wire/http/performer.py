"""Performs HTTP requests: bounded in time and size, without redirects, over connections that are kept.

Error texts name the host and what failed, never the body or the whole URL: both may hold a person's data.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from ip_fhir.errors import Unavailable
from ip_fhir.ports.http import HttpAnswer
from ip_fhir.tracing import traceparent
from ip_fhir.wire.http.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.ports.http import Credentials, HttpRequest
    from ip_fhir.wire.tls import TlsFiles

_CHUNK: Final = 65_536
_LEAST: Final = 0.001  # seconds: 0 means something else to a socket
_MOST_SIGNED: Final = 3  # a nonce that the server wants, and a token that was taken back


class Http:
    """Performs requests. Keeps one session, with its open connection, for each origin and thread.

    With `admits` it connects only to IP addresses for which that is true, and uses no proxy of the environment.
    """

    def __init__(self, admits: Callable[[str], bool] | None = None) -> None:
        self._local = threading.local()
        self._admits = admits

    def perform(
        self,
        request: HttpRequest,
        *,
        token: str | None = None,
        credentials: Credentials | None = None,
        tls: TlsFiles | None = None,
        timeout: float = 30.0,
        max_bytes: int = 20_000_000,
    ) -> HttpAnswer:
        """Sends a request and returns the answer, whatever its status; a redirect is returned and not followed.

        Ends within `timeout` seconds whatever the peer does; only the look-up of its name may take longer. Of a body
        that is longer than `max_bytes`, the answer has at most one piece more than that. `token` is sent as bearer;
        with `credentials`, a request that is refused for them (401: nothing was done) goes again with new ones. `tls`
        are our certificate and whom we trust. Raises `Unavailable`, `in_doubt` where the request may have reached the
        peer, and `InvalidInput` for files of `tls` that cannot be used.
        """
        if (trace := traceparent()) is not None:
            request = replace(request, headers={**request.headers, "traceparent": trace})
        if credentials is None:
            bearer = {"Authorization": f"Bearer {token}"} if token else {}
            return self._once(request, bearer, tls, timeout, max_bytes)
        end = time.monotonic() + timeout
        for _ in range(_MOST_SIGNED):
            headers = credentials.headers(request, max(_LEAST, end - time.monotonic()))
            answer = self._once(request, headers, tls, max(_LEAST, end - time.monotonic()), max_bytes)
            if not credentials.refused(request, headers, answer):
                break
        return answer

    def _once(
        self,
        request: HttpRequest,
        signature: Mapping[str, str],
        tls: TlsFiles | None,
        timeout: float,
        max_bytes: int,
    ) -> HttpAnswer:
        host = host_of(request.url)
        line = self._line(request.url, tls)
        try:
            with line.within(timeout):
                answer = _exchange(line, request, signature, timeout, max_bytes)
        except requests.RequestException as error:
            reason = TOO_LATE if line.over else _what_failed(error)
            raise Unavailable(f"{host}: {reason}", in_doubt=_may_have_arrived(error)) from None
        if line.over:  # the answer was cut off, and may look whole
            raise Unavailable(f"{host}: {TOO_LATE}", in_doubt=True)
        return answer

    def close(self) -> None:
        """Closes this thread's connections."""
        for line in getattr(self._local, "lines", {}).values():
            line.close()
        self._local.lines = {}

    def _line(self, url: str, tls: TlsFiles | None) -> Line:
        lines: dict[tuple[str, TlsFiles | None], Line] | None = getattr(self._local, "lines", None)
        if lines is None:
            lines = self._local.lines = {}
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        if (origin, tls) not in lines:
            lines[origin, tls] = Line(origin, tls, self._admits)
        return lines[origin, tls]


def host_of(url: str) -> str:
    """Returns the host and port of an address, without credentials that may stand in front of them."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _exchange(
    line: Line, request: HttpRequest, signature: Mapping[str, str], timeout: float, max_bytes: int
) -> HttpAnswer:
    answer = line.session.request(
        request.method,
        request.url,
        data=request.body,
        headers=dict(request.headers),
        auth=_Signature(signature),
        timeout=timeout,  # of each step; the line bounds them all
        allow_redirects=False,  # a redirect would carry the message to an address nobody agreed on
        stream=True,
    )
    with closing(answer):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, headers, _read_bounded(answer, max_bytes))


class _Signature(AuthBase):
    """The headers that say who we are. Given as `auth`, so that no ~/.netrc replaces them."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._headers)
        return request


def _read_bounded(answer: requests.Response, max_bytes: int) -> bytes:
    """Reads the body, but at most one piece beyond the limit: whoever reads it then refuses it as too long."""
    content = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        content += chunk
        if len(content) > max_bytes:
            break
    return bytes(content)


TOO_LATE: Final = "no answer in time"
_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (requests.exceptions.SSLError, "TLS failed"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, TOO_LATE),
    (requests.exceptions.ConnectionError, "no connection"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
)
_NOTHING_SENT: Final = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)


def _what_failed(error: requests.RequestException) -> str:
    known = (words for type_, words in _FAILURES if isinstance(error, type_))
    return next(known, type(error).__name__)


def _may_have_arrived(error: requests.RequestException) -> bool:
    """True unless the connection was not made: what is sent may arrive although no answer comes back."""
    if isinstance(error, _NOTHING_SENT):
        return False
    cause = error.args[0] if error.args else None
    return not isinstance(getattr(cause, "reason", None), NewConnectionError)
