"""Sends one message and returns its receipt, or raises one of the three errors of a peer.

Error texts name the host and the status, never the body or the whole URL: both may hold a person's data.
"""

from __future__ import annotations

import re
import threading
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from ip_fhir.errors import Conflict, InvalidInput, Rejected, Unavailable
from ip_fhir.fhir.outcome import problems_from
from ip_fhir.fhir.reading import FHIR_JSON, Limits, read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir_fhir_rest.line import Line

if TYPE_CHECKING:
    from requests.structures import CaseInsensitiveDict

    from ip_fhir.errors import Problem
    from ip_fhir.ports import Endpoint, Outgoing, Receipt, WireFormat

_ANSWER_LIMITS = Limits(max_bytes=1_000_000)  # a receipt is a few kilobytes
_CHUNK = 65_536
_WAIT = frozenset({408, 425, 429})  # the peer asks us to come again


class FhirRest:
    """The adapter. Keeps one HTTP session, with its open connections, per peer and thread."""

    name: str = "fhir-rest"
    format: WireFormat = "fhir-message"

    def __init__(self) -> None:
        self._local = threading.local()

    def send(self, outgoing: Outgoing) -> Receipt:
        """Posts a message to the peer and returns its receipt. Raises `Rejected`, `Unavailable` or `Conflict`.

        Ends within `endpoint.timeout` seconds whatever the peer does; only the look-up of its name may take longer.
        """
        host = urlsplit(outgoing.endpoint.url).netloc.rpartition("@")[2]
        line = self._line(outgoing.endpoint)
        try:
            with line.within(outgoing.endpoint.timeout):
                status, retry_after, content = _post(line, outgoing)
        except requests.RequestException as error:
            raise Unavailable(f"{host}: {_TOO_LATE if line.over else _what_failed(error)}") from None
        if line.over:  # the answer was cut off, and may look whole
            raise Unavailable(f"{host}: {_TOO_LATE}")
        return _receipt(outgoing.message_id, host, status, retry_after, content)

    def close(self) -> None:
        """Closes this thread's connections."""
        for line in getattr(self._local, "lines", {}).values():
            line.close()
        self._local.lines = {}

    def _line(self, endpoint: Endpoint) -> Line:
        lines: dict[str, Line] | None = getattr(self._local, "lines", None)
        if lines is None:
            lines = self._local.lines = {}
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint.url))
        if origin not in lines:
            lines[origin] = Line(origin)
        return lines[origin]


def _post(line: Line, outgoing: Outgoing) -> tuple[int, float | None, bytes]:
    endpoint = outgoing.endpoint
    answer = line.session.post(
        f"{endpoint.url.rstrip('/')}/$process-message",
        data=outgoing.content,
        headers={"Content-Type": outgoing.content_type, "Accept": FHIR_JSON},
        auth=_Bearer(endpoint.token),
        timeout=endpoint.timeout,  # of each step; the line bounds them all
        allow_redirects=False,  # a redirect would carry the message to an address nobody agreed on
        stream=True,
    )
    with closing(answer):
        return answer.status_code, _seconds(answer.headers), _read_bounded(answer)


class _Bearer(AuthBase):
    """The peer's token. Given as `auth`, so that no ~/.netrc replaces it."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _read_bounded(answer: requests.Response) -> bytes:
    """Reads the body, but at most one piece beyond the limit: `read_json` then refuses it as too long."""
    content = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        content += chunk
        if len(content) > _ANSWER_LIMITS.max_bytes:
            break
    return bytes(content)


def _receipt(message_id: str, host: str, status: int, retry_after: float | None, content: bytes) -> Receipt:
    if status >= 500 or status in _WAIT:
        raise Unavailable(f"{host}: HTTP {status}", retry_after)
    problems = _problems(content)
    if status == 412 or (status == 409 and all(p.code != "duplicate" for p in problems)):
        raise Conflict(f"{host}: HTTP {status}")
    if not 200 <= status < 300:
        raise Rejected("; ".join([f"{host}: HTTP {status}", *map(str, problems)]))
    try:
        receipt = receipt_from_fhir(read_json(content, _ANSWER_LIMITS))
    except InvalidInput as error:  # an answer nobody can read is no receipt: ask again, the peer knows the key
        raise Unavailable(f"{host}: the answer is no receipt: {error}") from None
    if receipt.message_id != message_id:
        raise Unavailable(f"{host}: the receipt is for another message")
    return receipt


def _problems(content: bytes) -> tuple[Problem, ...]:
    try:
        return problems_from(read_json(content, _ANSWER_LIMITS))
    except InvalidInput:
        return ()


_TOO_LATE: Final = "no answer in time"
_FAILURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (requests.exceptions.SSLError, "TLS failed"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, _TOO_LATE),
    (requests.exceptions.ConnectionError, "no connection"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
)


def _what_failed(error: requests.RequestException) -> str:
    known = (words for type_, words in _FAILURES if isinstance(error, type_))
    return next(known, type(error).__name__)


def _seconds(headers: CaseInsensitiveDict[str]) -> float | None:
    """Returns Retry-After in seconds from now, or None if it is neither seconds nor a date (RFC 9110 section 10.2.3).

    A date is counted from the answer's own `Date`, so that neither machine's clock needs to be right.
    """
    wait = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,6}", wait):
        return float(wait)
    try:
        until, since = (parsedate_to_datetime(headers.get(key, "")) for key in ("Retry-After", "Date"))
        return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):  # TypeError: one of the two has no time zone
        return None
