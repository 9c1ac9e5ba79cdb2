"""The other parties: their tokens, the organisations they speak for, and the adapter that reaches each."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from ip_fhir.domain.loop.units import units
from ip_fhir.domain.people import Organization, OrganizationKind, same_organization
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.referral import Referral
    from ip_fhir.ports import Adapter, Endpoint


@dataclass(frozen=True, slots=True)
class Peer:
    """One party: its organisations (the first is the enterprise), its adapter and endpoint, and the tokens it shows."""

    name: str
    organizations: tuple[Organization, ...]
    adapter: Adapter
    endpoint: Endpoint
    accepts: tuple[str, ...] = field(default=(), repr=False)

    def speaks_for(self, organization: Organization) -> bool:
        """True if a message in that organisation's name may come from this party."""
        return any(same_organization(own, organization) for own in self.organizations)

    @property
    def passes_on(self) -> bool:
        """True if this party may pass on another's notice: only a municipality does."""
        return all(own.kind is not OrganizationKind.HOSPITAL for own in self.organizations)


class Peers:
    """All parties that settings name."""

    def __init__(self, peers: Iterable[Peer]) -> None:
        self._peers = tuple(peers)
        self._tokens = [(_digest(token), peer) for peer in self._peers for token in peer.accepts]

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers)

    def by_token(self, token: str) -> Peer | None:
        """The party that shows this token, or None; takes the same time whichever token comes."""
        digest = _digest(token)
        found = [peer for known, peer in self._tokens if compare_digest(known, digest)]
        return found[0] if found else None

    def named(self, name: str) -> Peer:
        """The party of this name in the settings. Raises `InvalidInput` when there is none."""
        for peer in self._peers:
            if peer.name == name:
                return peer
        raise InvalidInput.at("peer", "no peer in the settings has this name", "not-found")

    def of(self, organization: Organization) -> Peer:
        """The party that speaks for an organisation. Raises `InvalidInput` when settings name none."""
        for peer in self._peers:
            if peer.speaks_for(organization):
                return peer
        reason = f"no peer in the settings speaks for the organisation {organization.id}"
        raise InvalidInput.at("peers", reason, "not-found")


def counterpart(referral: Referral) -> Organization:
    """The other side of a referral: the coordinating unit for the hospital, the hospital for the coordinating unit."""
    notice = referral.notice
    return notice.organization(notice.recipient if referral.role == "hospital" else notice.sender)


def takes_part(peer: Peer, referral: Referral) -> bool:
    """True if a referral concerns this party: it is the other side, or a unit that the notice was passed on to."""
    return any(peer.speaks_for(other) for other in (counterpart(referral), *units(referral)))


def _digest(token: str) -> bytes:
    """The digest by which tokens are compared, so that the time taken tells nothing about the token."""
    return sha256(token.encode()).digest()
