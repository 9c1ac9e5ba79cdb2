"""The checks of a request's headers: its content type, what it accepts, the version it changes."""

from __future__ import annotations

import re
from email.message import Message
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.instances import JSON_PATCH

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

    from ip_fhir.errors import IssueCode
    from ip_fhir.ports import JsonObject

_JSON_TYPES = frozenset({"application/fhir+json", "application/json", "application/json+fhir"})
_UTF_8 = frozenset({"utf-8", "utf8"})
_FORM = "application/x-www-form-urlencoded"
_VERSION = re.compile(r'(?:W/)?"(0|[1-9][0-9]{0,8})"')


class WithHeaders(Protocol):
    """A request, or what asks for the same as one: it has headers."""

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...


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


def require_json(request: WithHeaders) -> None:
    """Raises `BadRequest` 415 unless the content type is FHIR JSON in UTF-8, and the content is encoded no further."""
    require_type(request, _JSON_TYPES, FHIR_JSON)


def require_patch(request: WithHeaders) -> None:
    """Raises `BadRequest` 415 unless the content type is JSON Patch in UTF-8, and the content is encoded no further."""
    require_type(request, frozenset({JSON_PATCH}), JSON_PATCH)


def require_type(request: WithHeaders, types: frozenset[str], named: str) -> None:
    """Raises `BadRequest` 415 unless the content type is one of `types` in UTF-8, and nothing encodes it further."""
    media_type, charsets = _content_type(request)
    if media_type not in types:
        raise BadRequest(415, f"send {named}", "not-supported", "Content-Type")
    if not charsets <= _UTF_8:
        raise BadRequest(415, f"{named} is UTF-8", "not-supported", "Content-Type")
    _require_identity(request)


def _content_type(request: WithHeaders) -> tuple[str, frozenset[str]]:
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


def _require_identity(request: WithHeaders) -> None:
    """Raise `BadRequest` 415 for a body that is compressed or otherwise encoded."""
    codings = {coding.strip().lower() for coding in ",".join(request.headers.getlist("content-encoding")).split(",")}
    if not codings <= {"", "identity"}:
        raise BadRequest(415, "send it as it is, not compressed", "not-supported", "Content-Encoding")


def require_acceptable(request: Request) -> None:
    """Raises `BadRequest` 406 when the caller takes no JSON; `_format` counts instead of `Accept` where it is given."""
    wanted = request.query_params.getlist("_format")
    if wanted:
        # In a URL a plus is a blank: `application/fhir+json` comes in both ways.
        if not {one.partition(";")[0].strip().replace(" ", "+") for one in wanted} <= {"json", *_JSON_TYPES}:
            raise BadRequest(406, "only JSON is spoken here", "not-supported", "_format")
        return
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    if not {*_JSON_TYPES, "*/*", "application/*"} & set(accepted):
        raise BadRequest(406, "only JSON is spoken here", "not-supported", "Accept")


def form_fields(content: bytes) -> list[tuple[str, str]]:
    """Returns the fields of a form body as pairs. Raises `BadRequest` 400 if it is not one."""
    try:
        return parse_qsl(content.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise BadRequest(400, "the form is not well-formed", "structure") from None


def require_form(request: WithHeaders) -> None:
    """Raises `BadRequest` 415 unless the body is a form, as `_search` by POST wants it."""
    if _content_type(request)[0] != _FORM:
        raise BadRequest(415, f"send {_FORM}", "not-supported", "Content-Type")
    _require_identity(request)


def has_version(request: WithHeaders, version: int) -> bool:
    """True if `If-None-Match` names this version, or any (`*`); a tag of another form is no version of ours."""
    tags = {tag.strip() for tag in ",".join(request.headers.getlist("if-none-match")).split(",")}
    return not tags.isdisjoint({"*", f'W/"{version}"', f'"{version}"'})


def version_wanted(request: WithHeaders) -> int | None:
    """Returns the version in `If-Match`; None without the header. Raises `BadRequest` 400 as `if_match`."""
    tags = request.headers.getlist("if-match")
    return _version_of(tags) if tags else None


def if_match(request: WithHeaders, body: JsonObject | None = None) -> int:
    """Returns the version in `If-Match: W/"3"` or `"3"`; without it the one in `meta.versionId` of the resource sent.

    There are clients that send no such header, and put a resource back as they read it. Raises `BadRequest` 428 if
    neither names a version, 400 for any other: a list, `*`, a number without quotes or with leading zeros is no version
    that we have given.
    """
    tags = request.headers.getlist("if-match")
    if not any(tag.strip() for tag in tags):
        known = version_in(body) if body is not None else None
        if known is not None and (same := _VERSION.fullmatch(f'"{known}"')) is not None:
            return int(same[1])
        raise BadRequest(428, "If-Match with the version you changed is required", "required", "If-Match")
    return _version_of(tags)


def _version_of(tags: list[str]) -> int:
    version = _VERSION.fullmatch(tags[0].strip()) if len(tags) == 1 else None
    if version is None:
        raise BadRequest(400, 'is not of the form W/"3"', "value", "If-Match")
    return int(version[1])
