"""Performs HTTP requests: bounded in time and size, without redirects, over connections that are kept.

Error texts name the host and what failed, never the body or the whole URL: both may hold a person's data.
"""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import NewConnectionError

from ip_fhir.errors import Unavailable
from ip_fhir.ports.http import HttpAnswer
from ip_fhir.wire.http.line import Line

if TYPE_CHECKING:
    from ip_fhir.ports.http import HttpRequest

_CHUNK = 65_536


class Http:
    """Performs requests. Keeps one session, with its open connection, for each origin and thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def perform(
        self, request: HttpRequest, *, token: str | None = None, timeout: float = 30.0, max_bytes: int = 20_000_000
    ) -> HttpAnswer:
        """Sends a request and returns the answer, whatever its status; a redirect is returned and not followed.

        Ends within `timeout` seconds whatever the peer does; only the look-up of its name may take longer. Of a body
        that is longer than `max_bytes`, the answer has at most one piece more than that. `token` is sent as bearer.
        Raises `Unavailable`, `in_doubt` where the request may have reached the peer.
        """
        host = host_of(request.url)
        line = self._line(request.url)
        try:
            with line.within(timeout):
                answer = _exchange(line, request, token, timeout, max_bytes)
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

    def _line(self, url: str) -> Line:
        lines: dict[str, Line] | None = getattr(self._local, "lines", None)
        if lines is None:
            lines = self._local.lines = {}
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        if origin not in lines:
            lines[origin] = Line(origin)
        return lines[origin]


def host_of(url: str) -> str:
    """Returns the host and port of an address, without credentials that may stand in front of them."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _exchange(line: Line, request: HttpRequest, token: str | None, timeout: float, max_bytes: int) -> HttpAnswer:
    answer = line.session.request(
        request.method,
        request.url,
        data=request.body,
        headers=dict(request.headers),
        auth=_Bearer(token),
        timeout=timeout,  # of each step; the line bounds them all
        allow_redirects=False,  # a redirect would carry the message to an address nobody agreed on
        stream=True,
    )
    with closing(answer):
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, headers, _read_bounded(answer, max_bytes))


class _Bearer(AuthBase):
    """The peer's token. Given as `auth`, so that no ~/.netrc replaces it."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
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
