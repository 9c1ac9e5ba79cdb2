"""The sender of a message: the party of its credential that nothing in the message contradicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.peers import Carrier

if TYPE_CHECKING:
    from ip_fhir.domain.people import Organization
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential


def speaker(context: Context, said: Organization, credential: Credential) -> str:
    """Return the party that an organisation is: of a carrier's parties the one that a number of its own identifies.

    Raises `InvalidInput` (forbidden) if it is not the credential's.
    """
    if isinstance(credential, Carrier):
        party = context.parties.find(said, credential.parties)
    else:
        party = credential.name if context.parties.fits(said, credential.name) else None
    if party is None:
        raise not_theirs(context, said)
    return party


def owner(context: Context, said: Organization, credential: Credential, party: str) -> str:
    """Return the party whose notice it is: the one that brings it, or one that it may pass on the notices of.

    Of one that may pass on notices, a number of its own must say that a notice is its own: none said is nobody's.
    """
    passes_on = context.peers.party(party).passes_on
    if not passes_on:
        found = speaker(context, said, credential)
        if found != party:
            raise not_theirs(context, said)
        return found
    owned = context.parties.find(said, (party, *passes_on))
    if owned is None:
        raise not_theirs(context, said)
    return owned


def not_theirs(context: Context, said: Organization) -> InvalidInput:
    """Return the error for an organisation that is not the credential's."""
    if context.parties.names_unknown(said):
        return InvalidInput.at("sender", "has a number that no list of units in the settings has", "forbidden")
    return InvalidInput.at("sender", "not the party that the credential belongs to", "forbidden")


def check_addressee(context: Context, *addressees: Organization) -> None:
    """Refuse what is addressed to somebody other than us. Raises `InvalidInput`."""
    if not all(context.is_us(organization) for organization in addressees):
        raise InvalidInput.at("recipient", "addressed to somebody else", "business-rule")
