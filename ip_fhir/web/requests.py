"""The checks of every request: its sender, its length and its content type."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import too_long

if TYPE_CHECKING:
    from starlette.requests import Request

    from ip_fhir.errors import IssueCode
    from ip_fhir.exchange.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.fhir.reading import Limits

_JSON_TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_SECONDS_TO_SEND = 60
_FORM = "application/x-www-form-urlencoded"


class BadRequest(InvalidInput):
    """A request that is refused with a status of HTTP's own."""

    def __init__(self, status: int, reason: str, code: IssueCode, path: str = "") -> None:
        super().__init__([Problem(path, reason, code)])
        self._status = status

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status


def authenticated(request: Request, exchange: Exchange) -> Credential:
    """Returns the peer or carrier whose token the request shows. Raises `BadRequest` 401 for none or an unknown one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    peer = exchange.peer_by_token(token.strip()) if scheme.lower() == "bearer" else None
    if peer is None:
        raise BadRequest(401, "a bearer token of a known party is required", "security")
    return peer


async def bounded_body(request: Request, limits: Limits) -> bytes:
    """Reads the body, no further than the limit. Raises `InvalidInput` (HTTP 413) or `BadRequest` 408 (too slow)."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limits.max_bytes:
        raise too_long(limits)
    content = bytearray()
    try:
        async with asyncio.timeout(_SECONDS_TO_SEND):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limits.max_bytes:
                    raise too_long(limits)
    except TimeoutError:
        raise BadRequest(408, f"the body took more than {_SECONDS_TO_SEND} seconds", "too-costly") from None
    return bytes(content)


def require_json(request: Request) -> None:
    """Raises `BadRequest` 415 unless the content type is FHIR JSON in UTF-8."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() not in _JSON_TYPES:
        raise BadRequest(415, "send application/fhir+json", "not-supported", "Content-Type")
    name, _, charset = parameters.strip().lower().partition("=")
    if name == "charset" and charset.strip('" ') not in ("utf-8", "utf8"):
        raise BadRequest(415, "FHIR JSON is UTF-8", "not-supported", "Content-Type")


def require_acceptable(request: Request) -> None:
    """Raises `BadRequest` 406 when the caller takes no JSON."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    if not {*_JSON_TYPES, "*/*", "application/*"} & set(accepted):
        raise BadRequest(406, "only JSON is spoken here", "not-supported", "Accept")


def form_fields(content: bytes) -> list[tuple[str, str]]:
    """Returns the fields of a form body as pairs. Raises `BadRequest` 400 if it is not one."""
    try:
        return parse_qsl(content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise BadRequest(400, "the form is not well-formed", "structure") from None


def require_form(request: Request) -> None:
    """Raises `BadRequest` 415 unless the body is a form, as `_search` by POST wants it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise BadRequest(415, f"send {_FORM}", "not-supported", "Content-Type")


def if_match(request: Request) -> int:
    """Returns the version in `If-Match: W/"3"`. Raises `BadRequest` 428 if there is none, 400 if it is no version."""
    tag = request.headers.get("if-match", "").strip()
    if not tag:
        raise BadRequest(428, "If-Match with the version you changed is required", "required", "If-Match")
    version = tag.removeprefix("W/").strip('"')
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise BadRequest(400, 'is not of the form W/"3"', "value", "If-Match")
    return int(version)
