"""The headers of a request of our own programs: its author, its key, the version that it was decided on."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from ip_fhir.domain.referral import Author
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.deeds import Deed
from ip_fhir.web.requests import BadRequest, version_wanted

if TYPE_CHECKING:
    from starlette.requests import Request

    from ip_fhir.web.own.doors import Door

AUTHOR_ID: Final = "Author-Id"
AUTHOR_NAME: Final = "Author-Name"
KEY: Final = "Idempotency-Key"

ENCODED: Final = r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+"
"""A text in a header: UTF-8, each byte that is no visible letter of ASCII, and the percent sign, as `%C3`."""

KEY_FORM: Final = r'"[ -!#-~]{1,255}"|[!#-~]{1,255}'
"""An idempotency key: with quotation marks as in RFC 8941, or without."""


def author_in(request: Request, *, needed: bool) -> Author | None:
    """Returns the person who asks, or by whose act the program asks; None if none is named and none is needed.

    Raises `BadRequest` 400 if one is needed, or is named by half or twice.
    """
    given = {name: request.headers.getlist(name) for name in (AUTHOR_ID, AUTHOR_NAME)}
    if not needed and not any(given.values()):
        return None
    ident, name = (_text(header, found) for header, found in given.items())
    try:
        return Author(id=ident, name=name)
    except InvalidInput as error:
        path = {"id": AUTHOR_ID, "name": AUTHOR_NAME}[error.problems[0].path]
        raise BadRequest(400, error.problems[0].reason, "value", path) from None


def _text(header: str, given: list[str]) -> str:
    """Returns the text of a header that must be there once."""
    if not given:
        raise BadRequest(400, "missing: each call says who asks", "required", header)
    if len(given) > 1 or re.fullmatch(ENCODED, given[0]) is None:
        raise BadRequest(400, "is one text, percent-encoded", "value", header)
    try:
        return unquote_to_bytes(given[0]).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "is not UTF-8, percent-encoded", "value", header) from None


def deed_in(request: Request, door: Door, program: str, author: Author | None, content: bytes) -> Deed:
    """Returns the deed that a request asks for. Raises `BadRequest` 400 for a header that has not its form.

    The key is kept as a digest: it may be anything, also a person's number.
    """
    keys = request.headers.getlist(KEY) if door.once else []
    revision = version_wanted(request) if door.versioned and door.does is not None else None
    if not keys:
        return Deed(revision=revision)
    if len(keys) > 1 or re.fullmatch(KEY_FORM, keys[0]) is None:
        raise BadRequest(400, "is one key of at most 255 visible letters", "value", KEY)
    said = [request.method, request.url.path, request.url.query, author.id if author is not None else ""]
    digest = sha256("\n".join(said).encode() + b"\n" + content).hexdigest()
    return Deed(f"{program}/{sha256(keys[0].strip(chr(34)).encode()).hexdigest()}", digest, revision)
