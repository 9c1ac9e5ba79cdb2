"""Acknowledgements that a peer wants posted to it as messages of their own, beside the answer on its own connection.

They are kept in the inbox only: one that does not arrive is asked for again by whoever waits for it, with the same
message, and is then posted again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ip_fhir.errors import PeerError
from ip_fhir.exchange.peers import Peer
from ip_fhir.ports.adapters import AcknowledgingAdapter

if TYPE_CHECKING:
    from ip_fhir.exchange.peers import Credential

log = logging.getLogger("ip_fhir.exchange")


def post(reply: bytes, credential: Credential) -> None:
    """Post the answer to a message to the party that sent it, if its adapter does so. An error is logged.

    Of a carrier's messages the acknowledgements are answers alone.
    """
    if not isinstance(credential, Peer) or not isinstance(credential.adapter, AcknowledgingAdapter):
        return
    try:
        credential.adapter.acknowledge(reply, credential.endpoint)
    except PeerError as error:
        log.warning("an acknowledgement could not be posted to %s: %s", credential.name, error)
    except Exception as error:  # noqa: BLE001 - a plug-in that breaks its contract
        log.warning("an acknowledgement could not be posted to %s: %s", credential.name, type(error).__name__)
