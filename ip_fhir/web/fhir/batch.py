"""A batch: each entry is an interaction by itself, answered as the same request would be.

http://hl7.org/fhir/R4/http.html#transaction. One entry that is refused changes nothing for the others, and none of them
may depend on another.
"""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from starlette.datastructures import Headers

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import UNKNOWN_RULES
from ip_fhir.fhir.json_text import loads
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.rest.instances import JSON_PATCH
from ip_fhir.web.answers import failure, fhir
from ip_fhir.web.fhir.asked import Asked, everything
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.logs import CountedLog
    from ip_fhir.ports import JsonObject
    from ip_fhir.web.fhir.doors import Doors

MOST_ENTRIES: Final = 100
"""The most entries of a batch."""

MOST_BYTES: Final = 20_000_000
"""The bytes of answers after which the entries that are left are not answered any more."""

_CONDITIONS: Final = {"ifMatch": "If-Match", "ifNoneMatch": "If-None-Match", "ifNoneExist": "If-None-Exist"}
_KNOWN: Final = frozenset({"method", "url", *_CONDITIONS})
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def is_batch(content: bytes) -> bool:
    """True if a Bundle may be a batch: the word is in it, and its type says so."""
    if b'"batch"' not in content:
        return False
    try:
        found = loads(content.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):  # whoever takes it in says why
        return False
    return isinstance(found, dict) and found.get("resourceType") == "Bundle" and found.get("type") == "batch"


def entries_of(content: bytes, limits: Limits) -> list[Any]:
    """Returns the entries of a Bundle of requests. Raises `InvalidInput`, `too-costly` for too many."""
    bundle = read_json(content, limits)
    if "implicitRules" in bundle:
        raise InvalidInput.at("Bundle.implicitRules", UNKNOWN_RULES, "not-supported")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise InvalidInput.at("Bundle.entry", "is not a list", "structure")
    if len(entries) > MOST_ENTRIES:
        raise InvalidInput.at("Bundle.entry", f"more than {MOST_ENTRIES} entries", "too-costly")
    return entries


class Batch:
    """Answers batches, through the doors of the endpoint."""

    def __init__(self, exchange: Exchange, doors: Doors, refused: CountedLog) -> None:
        self._exchange, self._doors, self._refused = exchange, doors, refused

    def answer(
        self,
        peer: Credential,
        content: bytes,
        headers: Headers,
        *,
        count: Callable[[int], None] = lambda _entries: None,
        allows: Callable[[str, str], bool] = everything,
    ) -> Response:
        """Returns a batch-response with an entry for each entry, in order.

        `headers` are those of the request, whose preferences count for each entry; `count` is told how many
        there are; `allows` is as in `Asked`. Raises `InvalidInput` for what is no batch as a whole, `too-costly` for
        too many entries.
        """
        entries = entries_of(content, self._exchange.limits)
        count(len(entries))
        answered: list[JsonObject] = []
        room = MOST_BYTES
        for number, entry in enumerate(entries):
            response = self._one(peer, (entry, f"Bundle.entry[{number}]"), headers, room, allows)
            room -= len(response.body)
            answered.append(self._entry(response))
        found: JsonObject = {"resourceType": "Bundle", "type": "batch-response"}
        return fhir(found | ({"entry": answered} if answered else {}))

    def _one(
        self,
        peer: Credential,
        placed: tuple[Any, str],
        headers: Headers,
        room: int,
        allows: Callable[[str, str], bool],
    ) -> Response:
        entry, at = placed
        if room < 0:
            reason = "the answers before it are too large: ask for it by itself"
            return failure(self._refused, BadRequest(413, reason, "too-costly", at))
        try:
            path, asked = asked_in(entry, at, self._exchange.url, headers)
            door, ids = self._doors.find(path, asked.method)
            return door.answer(peer, replace(asked, ids=ids, allows=allows))
        except Exception as error:  # noqa: BLE001 - the others are answered all the same
            return failure(self._refused, error)

    def _entry(self, response: Response) -> JsonObject:
        """An entry of the answer; the text of an error is its outcome, anything else its resource."""
        status = f"{response.status_code} {HTTPStatus(response.status_code).phrase}"
        said: JsonObject = {"status": status}
        if (location := response.headers.get("location")) is not None:
            said["location"] = location.removeprefix(f"{self._exchange.url}/")
        if (etag := response.headers.get("etag")) is not None:
            said["etag"] = etag
        if not response.body:
            return {"response": said}
        resource = loads(bytes(response.body))
        if resource["resourceType"] == "OperationOutcome":
            return {"response": {**said, "outcome": resource}}
        if (updated := resource.get("meta", {}).get("lastUpdated")) is not None:
            said["lastModified"] = updated
        named = "id" in resource and resource["resourceType"] != "Bundle"
        url = {"fullUrl": f"{self._exchange.url}/{resource['resourceType']}/{resource['id']}"} if named else {}
        return {**url, "resource": resource, "response": said}


def asked_in(entry: Any, at: str, url: str, headers: Headers) -> tuple[str, Asked]:
    """Returns the path of an entry, and what it asks for there. Raises `InvalidInput`."""
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or not all(isinstance(value, str) for value in request.values()):
        raise InvalidInput.at(f"{at}.request", "is missing, or has a part that is no text", "structure")
    if unknown := sorted(set(request) - _KNOWN):
        reason = "asks for a condition that is not supported" if "ifModifiedSince" in unknown else "is not understood"
        raise BadRequest(400, reason, "not-supported", f"{at}.request")
    method = request.get("method", "")
    if method not in _METHODS:
        raise InvalidInput.at(f"{at}.request.method", "is no method", "code-invalid")
    path, _, query = request.get("url", "").removeprefix(f"{url}/").partition("?")
    try:
        in_url = tuple(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=50))
    except ValueError:
        raise InvalidInput.at(f"{at}.request.url", "has a query that is none", "structure") from None
    given = {_CONDITIONS[name]: value for name, value in request.items() if name in _CONDITIONS}
    given |= {"Prefer": ",".join(headers.getlist("prefer"))}
    body, content = _content(entry.get("resource"), method, at)
    return unquote(path).strip("/"), Asked(method, {}, in_url, (), Headers(given), content, body)


def _content(resource: Any, method: str, at: str) -> tuple[JsonObject | None, bytes]:
    """The resource of an entry; of a PATCH, the patch in its Binary."""
    if method in ("GET", "HEAD", "DELETE"):
        return None, b""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise InvalidInput.at(f"{at}.resource", "is missing, or has no resourceType", "structure")
    if method != "PATCH":
        return resource, b""
    if (resource["resourceType"], resource.get("contentType")) == ("Binary", JSON_PATCH):
        with suppress(ValueError, KeyError, TypeError):
            return None, b64decode(resource["data"], validate=True)
    raise InvalidInput.at(f"{at}.resource", f"a patch is a Binary whose contentType is {JSON_PATCH}", "structure")
