"""The other parties and their credentials: their tokens, and the adapter that reaches each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ip_fhir.domain.parties import check_names
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ip_fhir.domain.people import Organization
    from ip_fhir.ports import Adapter, Endpoint, WireFormat

_MESSAGING: Final = frozenset({"fhir-message", "medcom-message"})


@dataclass(frozen=True, slots=True)
class Peer:
    """One party, with credentials of its own: tokens (`accepts`), names at an authorisation server (`clients`).

    `certificates` are names in its certificates, in the form of `ip_fhir.wire.tls.as_name`.

    `organizations` are those that settings know to be part of it; the first is the enterprise. `passes_on` are the
    names of the parties whose notices it may bring.

    `client` is the one of `clients` or `certificates` by which a request came; empty otherwise.

    With `by_person` its system keeps its people apart, so that each of them has a share of a plan. `absent` is the
    meaning of a part that a change of theirs does not have. `readers` are the names of the other parties that read the
    server by which it is reached: nothing goes there that one of them may not see. Without `readers_known` nobody has
    said who they are: nothing of a plan goes there.
    """

    name: str
    organizations: tuple[Organization, ...]
    adapter: Adapter
    endpoint: Endpoint
    accepts: tuple[str, ...] = field(default=(), repr=False)
    passes_on: tuple[str, ...] = ()
    by_person: bool = False
    absent: Literal["unchanged", "removed"] = "unchanged"
    clients: tuple[str, ...] = ()
    client: str = ""
    certificates: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    readers_known: bool = True

    @property
    def speaks_as(self) -> tuple[str, ...]:
        """The names of the parties that its credential may speak for: its own."""
        return (self.name,)

    @property
    def lines(self) -> Mapping[WireFormat, object]:
        """The settings of its lines by wire format."""
        return self.endpoint.lines


@dataclass(frozen=True, slots=True)
class Carrier:
    """A credential that brings the messages of several `parties`, and is none itself: an integration engine.

    `client` is the one of `clients` or `certificates` by which a request came; empty otherwise.
    """

    name: str
    parties: tuple[str, ...]
    accepts: tuple[str, ...] = field(default=(), repr=False)
    clients: tuple[str, ...] = ()
    client: str = ""
    certificates: tuple[str, ...] = ()

    @property
    def speaks_as(self) -> tuple[str, ...]:
        """The names of the parties that its credential may speak for."""
        return self.parties


Credential: TypeAlias = Peer | Carrier
"""The holder of a credential: one party, or a carrier of several."""


class Peers:
    """All parties and carriers that settings name.

    Raises `InvalidInput` when two have one name, or it is ours, or two have the same name of a certificate.
    """

    def __init__(self, peers: Iterable[Peer], carriers: Iterable[Carrier] = ()) -> None:
        self._peers = tuple(peers)
        credentials: tuple[Credential, ...] = (*self._peers, *carriers)
        check_names(one.name for one in credentials)
        self._named = {one.name: one for one in credentials}
        self._parties = {peer.name: peer for peer in self._peers}
        self._clients = {client: replace(one, client=client) for one in credentials for client in one.clients}
        self._certified = _certified(credentials)
        self._tokens = [(_digest(token), one) for one in credentials for token in one.accepts]

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers)

    def passes_trace(self, name: str | None) -> bool:
        """True if a party is told which trace a message to it belongs to; False for None and for one not known."""
        peer = self._parties.get(name) if name is not None else None
        return peer is not None and peer.endpoint.traceparent

    def by_token(self, token: str) -> Credential | None:
        """The party or carrier that shows this token, or None; takes the same time whichever token comes."""
        digest = _digest(token)
        found = [one for known, one in self._tokens if compare_digest(known, digest)]
        return found[0] if found else None

    def by_client(self, client: str) -> Credential | None:
        """The party or carrier that has this name at the authorisation server, or None."""
        return self._clients.get(client)

    def by_certificate(self, names: frozenset[str]) -> Credential | None:
        """The one party or carrier that a certificate with these names is of, or None; also where it is of several."""
        found = [self._certified[name] for name in sorted(names) if name in self._certified]
        return found[0] if len({one.name for one in found}) == 1 else None

    def named(self, name: str) -> Credential:
        """The party or carrier of this name in the settings. Raises `InvalidInput` when there is none."""
        if name in self._named:
            return self._named[name]
        raise InvalidInput.at("peer", "no peer in the settings has this name", "not-found")

    def party(self, name: str) -> Peer:
        """The party of this name. Raises `InvalidInput` when settings name none."""
        if name in self._parties:
            return self._parties[name]
        raise InvalidInput.at("peers", f"no peer in the settings has the name {name}", "not-found")

    def lines_of(self, credential: Credential) -> Mapping[WireFormat, object]:
        """The settings of the lines of whoever brings a message; of a carrier, if all its parties have the same."""
        return lines_in_common([self.party(name).lines for name in credential.speaks_as])

    def messaging_of(self, credential: Credential) -> WireFormat:
        """The format of FHIR messages that its holder sends: that of its adapter, if it is one of these.

        Of a carrier, if all its parties have the same; else `fhir-message`.
        """
        spoken = {self.party(name).adapter.format for name in credential.speaks_as}
        return spoken.pop() if len(spoken) == 1 and spoken <= _MESSAGING else "fhir-message"


def lines_in_common(found: Sequence[Mapping[WireFormat, object]]) -> Mapping[WireFormat, object]:
    """The settings of lines by wire format that all of these parties have; none where two differ."""
    return found[0] if found and all(lines == found[0] for lines in found) else {}


def _certified(credentials: Iterable[Credential]) -> dict[str, Credential]:
    found: dict[str, Credential] = {}
    for one in credentials:
        for name in one.certificates:
            if name in found:
                raise InvalidInput.at("peers", "two have the same name of a certificate", "duplicate")
            found[name] = replace(one, client=name)
    return found


def _digest(token: str) -> bytes:
    """The digest by which tokens are compared, so that the time taken tells nothing about the token."""
    return sha256(token.encode()).digest()
