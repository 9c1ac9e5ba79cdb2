"""Writes one message to a FHIR server in one transaction, and tells its receipt.

First it is looked for: a message that is there is not written again, and the status of its Task is the receipt. Error
texts name the host and types of resources, never what was sent or answered.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, Rejected
from ip_fhir.fhir.rest.bundles import transaction
from ip_fhir.fhir.rest.carrier import message_id, receipt_of, same_message
from ip_fhir.fhir.rest.instances import read
from ip_fhir.fhir.rest.operations import capability
from ip_fhir.fhir.rest.placement import find_all, placements, requests_of
from ip_fhir.fhir.rest.ways import NEEDED, Ways
from ip_fhir.ports import Receipt
from ip_fhir.wire.fhirserver import PeerOptions, Server, check_address, tls_files
from ip_fhir.wire.http import Http
from ip_fhir.wire.tls import tls_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.errors import Problem
    from ip_fhir.fhir.rest.placement import Placement
    from ip_fhir.ports import Endpoint, Outgoing, WireFormat

log = logging.getLogger("ip_fhir.fhirserver")


class FhirServerAdapter:
    """The adapter. Keeps one HTTP session per server and thread, and the abilities that each server states."""

    name: str = "fhirserver"
    format: WireFormat = "fhir-resources"

    def __init__(self) -> None:
        self._http = Http()
        self._ways: dict[str, Ways] = {}
        self._turn = threading.Lock()

    def check(self, endpoint: Endpoint) -> None:
        """Raises `InvalidInput` where the url or an option, or its file, cannot be used; nothing is connected to."""
        check_address(endpoint.url, plain_http=True)  # settings have asked for encryption
        tls_files(PeerOptions.model_validate(dict(endpoint.options)))

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Writes a message and returns its receipt; None while the receiver has not taken it in.

        Raises `Rejected`, `Unavailable` or `Conflict`. Ends within `endpoint.timeout` seconds whatever the server does.
        """
        endpoint = outgoing.endpoint
        end = time.monotonic() + endpoint.timeout
        try:
            options = PeerOptions.model_validate(dict(endpoint.options))
            task, *others = placements(outgoing.content)
        except InvalidInput as error:
            raise Rejected(str(error)) from None
        shown, tls = endpoint.credentials, tls_of(endpoint.options)
        server = Server(self._http, endpoint.url, endpoint.token, end, credentials=shown, tls=tls)
        if message_id(task.resource) != outgoing.message_id:
            raise Rejected("what is to be sent carries another message")
        ways = self._ways_of(server, {one.type for one in (task, *others)})
        _find(server, ways, [task])
        if task.there:
            return _told(server, task, options)
        left = _written(server, ways, [task, *others], options)
        return Receipt(outgoing.message_id, "ok", left) if options.receipt == "stored" else None

    def close(self) -> None:
        """Closes this thread's connections."""
        self._http.close()

    def _ways_of(self, server: Server, types: set[str]) -> Ways:
        """Return the abilities that the server states, asked once. Raises `Rejected` if nothing can be sent to it."""
        with self._turn:
            known = self._ways.get(server.base)
        if known is None:
            known = Ways.of(server.perform(capability()))
            if refusals := known.refusals(NEEDED):
                raise Rejected(f"{server.host}: {'; '.join(refusals)}")
            for words in known.detours(types):
                log.info("%s: %s", server.host, words)
            with self._turn:
                self._ways[server.base] = known
        return known


def _written(server: Server, ways: Ways, all_: Sequence[Placement], options: PeerOptions) -> tuple[Problem, ...]:
    """Write what is not there, in one transaction; returns a warning for each that somebody else has changed."""
    task, *others = all_
    parties = [task.resource[name]["reference"] for name in ("requester", "owner")]
    content = [one for one in others if options.resources or one.urn in parties]
    for type_ in dict.fromkeys(one.type for one in content):
        _find(server, ways, [one for one in content if one.type == type_])
    requests, left = requests_of(all_, [task, *content], ways, profile=options.meta_profile)
    for problem in left:
        log.warning("%s: %s", server.host, problem)
    server.perform(transaction(requests))
    return tuple(left)


def _find(server: Server, ways: Ways, ones: Sequence[Placement]) -> None:
    """Find those of one type that are there. Raises `Rejected` where one number is at several resources."""
    type_ = ones[0].type
    if type_ in ways.searchable:
        wanted = ",".join(sorted(value for one in ones for value in one.wanted))
        for page in server.pages(type_, [("identifier", wanted)]):
            find_all(ones, page)
    else:
        for one in ones:
            try:
                one.there.append(server.perform(read(type_, one.own_id)).resource)
            except Rejected as error:
                if error.status not in {404, 410}:
                    raise
    for one in ones:
        if len(one.there) > 1 and not one.is_ours:
            reason = f"there are {len(one.there)} of type {type_} with one number: somebody must merge them there"
            raise Rejected(f"{server.host}: {reason}, then the message can be sent again")


def _told(server: Server, task: Placement, options: PeerOptions) -> Receipt | None:
    """The receipt that the Task there is. Raises `Rejected` if it carries something else under this id."""
    if not all(same_message(task.resource, one) for one in task.there):
        raise Rejected(f"{server.host}: another message has this id there")
    receipts = [receipt for one in task.there if (receipt := receipt_of(one)) is not None]
    if receipts:
        return next((one for one in receipts if one.code == "ok"), receipts[0])
    return Receipt(message_id(task.resource), "ok") if options.receipt == "stored" else None
