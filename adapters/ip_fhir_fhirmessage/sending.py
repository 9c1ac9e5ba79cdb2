"""Sends one message and returns its acknowledgement, or hands it over: then the acknowledgement comes by itself.

What a message and an acknowledgement look like is the format's (`medcom-message`, `ip_fhir.fhir.medcom`). A message is
sent again with the bytes that it had. Error texts name the host and the status, never what was sent or answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput, Rejected, Unavailable
from ip_fhir.fhir.medcom.acknowledgement import receipt_in
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.fhir.rest.operations import hand_in
from ip_fhir.wire.fhir_message import PeerOptions
from ip_fhir.wire.http import Http
from ip_fhir.wire.http.performer import host_of
from ip_fhir.wire.tls import client_context

if TYPE_CHECKING:
    from ip_fhir.ports import Endpoint, JsonObject, Outgoing, Receipt, WireFormat


class FhirMessageAdapter:
    """The adapter. Keeps one HTTP session, with its open connections, per peer and thread."""

    name: str = "fhirmessage"
    format: WireFormat = "medcom-message"

    def __init__(self) -> None:
        self._http = Http()

    def check(self, endpoint: Endpoint) -> None:
        """Raises `InvalidInput` at an option that cannot be used. Connects to nothing."""
        if (tls := PeerOptions.model_validate(dict(endpoint.options)).tls) is not None:
            client_context(tls)

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Posts a message and returns its acknowledgement; None where that comes later.

        Raises `Rejected`, `Unavailable` or `Conflict`. Ends within `endpoint.timeout` seconds whatever the peer does;
        only the look-up of its name may take longer.
        """
        options = _options(outgoing.endpoint)
        found = self._posted(outgoing.content, outgoing.content_type, outgoing.endpoint, options)
        if found is None and options.receipt == "later":
            return None
        return _acknowledgement(found, outgoing, host_of(outgoing.endpoint.url))

    def wants_acknowledgements(self, endpoint: Endpoint) -> bool:
        """True if the peer gets our acknowledgements as messages of their own."""
        return endpoint.options.get("receipt") == "later"

    def acknowledge(self, content: bytes, endpoint: Endpoint) -> None:
        """Posts the acknowledgement of a message of the peer's. Raises as `send`."""
        self._posted(content, FHIR_JSON, endpoint, _options(endpoint))

    def _posted(self, content: bytes, content_type: str, endpoint: Endpoint, options: PeerOptions) -> JsonObject | None:
        """Post to the peer's door and return the response message in its answer, if there is one."""
        handover = hand_in(content, content_type, options.door)
        answer = self._http.perform(
            handover.request(endpoint.url),
            token=endpoint.token,
            credentials=endpoint.credentials,
            tls=options.tls,
            timeout=endpoint.timeout,
            max_bytes=handover.limits.max_bytes,
        )
        return handover.result(answer, host_of(endpoint.url))

    def close(self) -> None:
        """Closes this thread's connections."""
        self._http.close()


def _options(endpoint: Endpoint) -> PeerOptions:
    """The options of a peer. Raises `Rejected` where one cannot be used."""
    try:
        return PeerOptions.model_validate(dict(endpoint.options))
    except InvalidInput as error:
        raise Rejected(str(error)) from None


def _acknowledgement(found: JsonObject | None, outgoing: Outgoing, host: str) -> Receipt:
    """Return what an answer says. Raises `Unavailable` for one that is no acknowledgement of this message.

    Asked again, the peer knows the message.
    """
    if found is None:
        raise Unavailable(f"{host}: the answer is no acknowledgement")
    try:
        receipt = receipt_in(found)
    except InvalidInput as error:
        raise Unavailable(f"{host}: the answer is no acknowledgement: {error}") from None
    if receipt.message_id != outgoing.message_id:
        raise Unavailable(f"{host}: the acknowledgement is of another message")
    return receipt
