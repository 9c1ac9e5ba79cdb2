"""The checks of a request's headers: its content type, what it accepts, the version it changes."""

from __future__ import annotations

import re
from email.message import Message
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from ip_fhir.errors import IssueCode

_JSON_TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_UTF_8 = frozenset({"utf-8", "utf8"})
_FORM = "application/x-www-form-urlencoded"
_VERSION = re.compile(r'(?:W/)?"(0|[1-9][0-9]{0,8})"')


class BadRequest(InvalidInput):
    """A request that is refused with a status of HTTP's own.

    `counted` is the word under which it is counted; `retry_after` are seconds after which it may come again.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        code: IssueCode,
        path: str = "",
        *,
        counted: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__([Problem(path, reason, code)])
        self._status = status
        self.counted = counted
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._status


def require_json(request: Request) -> None:
    """Raises `BadRequest` 415 unless the content type is FHIR JSON in UTF-8, and the content is encoded no further."""
    media_type, charsets = _content_type(request)
    if media_type not in _JSON_TYPES:
        raise BadRequest(415, "send application/fhir+json", "not-supported", "Content-Type")
    if not charsets <= _UTF_8:
        raise BadRequest(415, "FHIR JSON is UTF-8", "not-supported", "Content-Type")
    _require_identity(request)


def _content_type(request: Request) -> tuple[str, frozenset[str]]:
    """The media type, and the charsets that any parameter names, quoted or not; of two `Content-Type`, none."""
    headers = request.headers.getlist("content-type")
    return _parsed(headers[0]) if len(headers) == 1 else ("", frozenset())


@lru_cache(64)
def _parsed(content_type: str) -> tuple[str, frozenset[str]]:
    parsed = Message()
    parsed["content-type"] = content_type
    (media_type, _), *parameters = parsed.get_params([("", "")])
    charsets = frozenset(str(value).lower() for name, value in parameters if name.lower() == "charset")
    return media_type.strip().lower(), charsets


def _require_identity(request: Request) -> None:
    """Raise `BadRequest` 415 for a body that is compressed or otherwise encoded."""
    codings = {coding.strip().lower() for coding in ",".join(request.headers.getlist("content-encoding")).split(",")}
    if not codings <= {"", "identity"}:
        raise BadRequest(415, "send it as it is, not compressed", "not-supported", "Content-Encoding")


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
    if _content_type(request)[0] != _FORM:
        raise BadRequest(415, f"send {_FORM}", "not-supported", "Content-Type")
    _require_identity(request)


def has_version(request: Request, version: int) -> bool:
    """True if `If-None-Match` names this version, or any (`*`); a tag of another form is no version of ours."""
    tags = {tag.strip() for tag in ",".join(request.headers.getlist("if-none-match")).split(",")}
    return not tags.isdisjoint({"*", f'W/"{version}"', f'"{version}"'})


def if_match(request: Request) -> int:
    """Returns the version in `If-Match: W/"3"` or `"3"`. Raises `BadRequest` 428 if there is none, 400 for any other.

    A list, `*`, a number without quotes or with leading zeros is no version that we have given.
    """
    tags = request.headers.getlist("if-match")
    if not any(tag.strip() for tag in tags):
        raise BadRequest(428, "If-Match with the version you changed is required", "required", "If-Match")
    version = _VERSION.fullmatch(tags[0].strip()) if len(tags) == 1 else None
    if version is None:
        raise BadRequest(400, 'is not of the form W/"3"', "value", "If-Match")
    return int(version[1])
