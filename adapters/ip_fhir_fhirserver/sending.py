"""Writes one message to a FHIR server in one transaction, and tells its receipt.

First it is looked for: a message that is there is not written again, and the status of its Task is the receipt. Then
each resource: a person or an organisation that is there is referred to and never written, what we wrote before is
written over only onto the version that was read, and only if nobody else has changed it. Error texts name the host and
types of resources, never what was sent or answered.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from ip_fhir.errors import InvalidInput, Problem, Rejected
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.rest.bundles import EntryRequest, transaction
from ip_fhir.fhir.rest.carrier import (
    TASK,
    carrier_in,
    content_digest,
    identifiers,
    message_id,
    receipt_of,
    same_message,
)
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.instances import read
from ip_fhir.fhir.rest.linking import linked
from ip_fhir.fhir.rest.operations import capability
from ip_fhir.fhir.rest.ways import Ways
from ip_fhir.ports import Receipt
from ip_fhir.wire.http import Http
from ip_fhir_fhirserver.options import PeerOptions, check_address
from ip_fhir_fhirserver.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.ports import Endpoint, JsonObject, Outgoing, WireFormat

log = logging.getLogger("ip_fhir.fhirserver")

ACTORS: Final = frozenset({"Patient", "Practitioner", "Organization", "HealthcareService"})
"""Types of resources that are the server's own where they are there: they are referred to, never written."""

_MADE: Final = "urn:ietf:rfc:3986|"
_NEEDED: Final = (TASK, "Organization")
_CHANGED: Final = "was changed on the server by somebody else, and stays there as it is: the message says what is new"


@dataclass
class _Entry:
    """One resource of the transaction: its urn, the identifiers by which it is found, and what is there already."""

    urn: str
    resource: JsonObject = field(repr=False)
    wanted: frozenset[str] = field(repr=False)
    there: list[JsonObject] = field(default_factory=list, repr=False)

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def is_ours(self) -> bool:
        """True if it is found by an identifier that was made for it, and not by a number."""
        return self.type == TASK or all(value.startswith(_MADE) for value in self.wanted)

    @property
    def own_id(self) -> str:
        """The id under which it is created on a server that cannot be searched for it."""
        return self.urn.removeprefix("urn:uuid:")

    @property
    def name(self) -> str:
        """The name by which others refer to it in the transaction."""
        return f"{self.type}/{self.there[0]['id']}" if self.there else self.urn


class FhirServerAdapter:
    """The adapter. Keeps one HTTP session per server and thread, and the abilities that each server states."""

    name: str = "fhirserver"
    format: WireFormat = "fhir-resources"

    def __init__(self) -> None:
        self._http = Http()
        self._ways: dict[str, Ways] = {}
        self._turn = threading.Lock()

    def check(self, endpoint: Endpoint) -> None:
        """Raises `InvalidInput` where the url or an option cannot be used; nothing is connected to."""
        check_address(endpoint.url, plain_http=True)  # settings have asked for encryption
        PeerOptions.model_validate(dict(endpoint.options))

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Writes a message and returns its receipt; None while the receiver has not taken it in.

        Raises `Rejected`, `Unavailable` or `Conflict`. Ends within `endpoint.timeout` seconds whatever the server does.
        """
        endpoint = outgoing.endpoint
        server = Server(self._http, endpoint.url, endpoint.token, time.monotonic() + endpoint.timeout)
        try:
            options = PeerOptions.model_validate(dict(endpoint.options))
            entries = [*_entries(outgoing.content)]
            task = carrier_in(read_json(outgoing.content))
        except InvalidInput as error:
            raise Rejected(str(error)) from None
        if message_id(task) != outgoing.message_id:
            raise Rejected("what is to be sent carries another message")
        ways = self._ways_of(server, {entry.type for entry in entries})
        left = self._written(server, ways, entries, options)
        found = next(entry for entry in entries if entry.type == TASK).there
        if found:
            return _told(server, found, task, options)
        stored = Receipt(outgoing.message_id, "ok", left)
        return stored if options.receipt == "stored" else None

    def close(self) -> None:
        """Closes this thread's connections."""
        self._http.close()

    def _ways_of(self, server: Server, types: set[str]) -> Ways:
        """Return the abilities that the server states, asked once. Raises `Rejected` if nothing can be sent to it."""
        with self._turn:
            known = self._ways.get(server.base)
        if known is None:
            known = Ways.of(server.perform(capability()))
            if refusals := known.refusals(_NEEDED):
                raise Rejected(f"{server.host}: {'; '.join(refusals)}")
            for words in known.detours(types):
                log.info("%s: %s", server.host, words)
            with self._turn:
                self._ways[server.base] = known
        return known

    def _written(self, server: Server, ways: Ways, entries: list[_Entry], options: PeerOptions) -> tuple[Problem, ...]:
        """Write what is not there; returns what was left as somebody else has changed it. Nothing, if the Task is."""
        task = next(entry for entry in entries if entry.type == TASK)
        _find(server, ways, [task])
        if task.there:
            return ()
        parties = [task.resource[name]["reference"] for name in ("requester", "owner")]
        content = [e for e in entries if e is not task and (options.resources or e.urn in parties)]
        for type_ in dict.fromkeys(entry.type for entry in content):
            _find(server, ways, [entry for entry in content if entry.type == type_])
        kept = [task, *(entry for entry in content if entry.there or entry.type in ways.writable)]
        names = {**dict.fromkeys((entry.urn for entry in entries), None), **{entry.urn: entry.name for entry in kept}}
        left, requests = [], []
        for entry in kept:
            made = _as_wanted(entry.resource, names, profile=options.meta_profile)
            if not entry.there:
                requests.append(_creation(entry, made, ways))
            elif entry.type in ACTORS or content_digest(made) == content_digest(entry.there[0]):
                continue
            elif (update := _update(entry, made)) is not None:
                requests.append(update)
            else:
                left.append(Problem(entry.type, _CHANGED, "conflict", "warning"))
                log.warning("%s: %s %s", server.host, entry.type, _CHANGED)
        server.perform(transaction(requests))
        return tuple(left)


def _entries(content: bytes) -> Iterator[_Entry]:
    """The entries of the transaction that the format has written. Raises `InvalidInput` for anything else."""
    try:
        for entry in read_json(content)["entry"]:
            condition = dict(parse_qsl(entry["request"]["ifNoneExist"]))
            yield _Entry(entry["fullUrl"], entry["resource"], frozenset(condition["identifier"].split(",")))
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput.at("Bundle", "is no transaction of the format fhir-resources", "structure") from None


def _find(server: Server, ways: Ways, entries: list[_Entry]) -> None:
    """Find what is there of entries of one type. Raises `Rejected` where one identifier is at several resources."""
    type_ = entries[0].type
    if type_ in ways.searchable:
        wanted = ",".join(sorted(value for entry in entries for value in entry.wanted))
        for page in server.pages(type_, [("identifier", wanted)]):
            for entry in entries:
                entry.there += [one for one in page if not entry.wanted.isdisjoint(identifiers(one))]
    else:
        for entry in entries:
            entry.there += _named(server, type_, entry.own_id)
    for entry in entries:
        entry.there = [one for one in entry.there if isinstance(one.get("id"), str)]
        if len(entry.there) > 1 and not entry.is_ours:
            reason = f"there are {len(entry.there)} of type {type_} with one number: somebody must merge them there"
            raise Rejected(f"{server.host}: {reason}, then the message can be sent again")


def _named(server: Server, type_: str, id_: str) -> Iterable[JsonObject]:
    try:
        return [server.perform(read(type_, id_)).resource]
    except Rejected as error:
        if error.status not in {404, 410}:
            raise
        return []


def _as_wanted(resource: JsonObject, names: dict[str, str | None], *, profile: bool) -> JsonObject:
    """The resource with the names of this server, a digest that fits them, and profiles if they are wanted."""
    made: JsonObject = linked(resource, names)
    before, after = content_digest(resource), content_digest(made)
    meta = {name: value for name, value in made.get("meta", {}).items() if profile or name != "profile"}
    if before != after and "tag" in meta:
        meta["tag"] = [{**tag, "code": after} if tag.get("code") == before else tag for tag in meta["tag"]]
    return {**{name: value for name, value in made.items() if name != "meta"}, **({"meta": meta} if meta else {})}


def _creation(entry: _Entry, made: JsonObject, ways: Ways) -> EntryRequest:
    if entry.type not in ways.searchable:
        return EntryRequest("PUT", f"{entry.type}/{entry.own_id}", {**made, "id": entry.own_id}, entry.urn)
    request = EntryRequest("POST", entry.type, made, entry.urn)
    if entry.type not in ways.conditional:
        return request
    return replace(request, if_none_exist=(("identifier", ",".join(sorted(entry.wanted))),))


def _update(entry: _Entry, made: JsonObject) -> EntryRequest | None:
    """The update of what we wrote and nobody else has changed; None for anything else."""
    there = entry.there[0]
    tags = there.get("meta", {}).get("tag", [])
    ours = content_digest(there) in [tag.get("code") for tag in tags if isinstance(tag, dict)]
    version = version_in(there)
    if not ours or version is None:
        return None
    return EntryRequest("PUT", entry.name, {**made, "id": there["id"]}, entry.name, if_match=version)


def _told(server: Server, found: list[JsonObject], task: JsonObject, options: PeerOptions) -> Receipt | None:
    """The receipt that the Task there is. Raises `Rejected` if it carries something else under this id."""
    if not all(same_message(task, one) for one in found):
        raise Rejected(f"{server.host}: another message has this id there")
    receipts = [receipt for one in found if (receipt := receipt_of(one)) is not None]
    if receipts:
        return next((one for one in receipts if one.code == "ok"), receipts[0])
    return Receipt(message_id(task), "ok") if options.receipt == "stored" else None
