"""The checks behind `doctor --server`: what a FHIR server can do for plans, found without writing anything there.

Only definitions are asked for, and a resource that nobody has: no person's data is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

from ip_fhir.cli.commands.operation.checks.side import Finding
from ip_fhir.errors import InvalidInput, PeerError, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.servers import Connection
    from ip_fhir.servers.abilities import Abilities
    from ip_fhir.settings import PeerSettings

_R4: Final = "4.0."
_FEW: Final = "a plan takes 4 to 6 requests"
_ANYONE: Final = (
    "cannot be seen from here: ask whose server it is. Whoever reads it reads all that is stored there; "
    "store nothing that one of its readers may not see"
)
_NAME_THEM: Final = (
    "then name the other peers that read it in `readers` of this peer (`[]`: none). Until then no plan is shared by it"
)


def check_server(url: str | None, peer: PeerSettings | None) -> Iterator[Finding]:
    """Checks a server at an address, by default that of a peer, with the token of the peer if there is one."""
    from ip_fhir.bootstrap import credentials_of
    from ip_fhir.servers import Connection, FhirServer
    from ip_fhir.servers.abilities import Abilities

    try:
        connection = Connection(
            url or (peer.url if peer is not None else ""),
            None if peer is None or peer.token is None else peer.token.get_secret_value(),
            peer.timeout if peer is not None else 30.0,
            plain_http=peer is not None and peer.plain_http,
            credentials=None if peer is None else credentials_of(0, peer),
        )
    except InvalidInput as error:
        yield Finding("server", "fail", error.problems[0].reason)
        return
    try:
        said = Abilities.read(FhirServer(connection).capability())
        yield from _checks(connection, said)
    except PeerError as error:
        yield _not_answered(error, connection)
    finally:
        connection.close()
    yield readers_of(peer)


def readers_of(peer: PeerSettings | None) -> Finding:
    """Tells who reads a peer's server by the settings, or asks for it."""
    if peer is None:
        return Finding("readers", "warn", _ANYONE)
    if peer.readers is None:
        return Finding("readers", "warn", f"{_ANYONE}; {_NAME_THEM}")
    if not peer.readers:
        return Finding("readers", "ok", f"settings say: nobody but {peer.name}")
    names = ", ".join((peer.name, *peer.readers))
    return Finding("readers", "ok", f"settings say: {names}. A share through it has what all of them may see")


def _not_answered(error: PeerError, connection: Connection) -> Finding:
    if isinstance(error, Rejected) and error.status in {401, 403}:
        shown = (
            "ours is not accepted"
            if connection.shows_a_token
            else "none was shown: name the peer with --config and --peer"
        )
        return Finding("server", "fail", f"{error}: it asks for a token, and {shown}")
    return Finding("server", "fail", str(error))


def _checks(connection: Connection, said: Abilities) -> Iterator[Finding]:
    version = said.fhir_version or "of no version that it names"
    if not version.startswith(_R4):
        yield Finding("server", "fail", f"{said.software} speaks FHIR {version}; plans are written in FHIR R4 (4.0.1)")
        return
    yield Finding("server", "ok", f"{said.software}, FHIR {version}")
    yield _types(said)
    yield from _writing(said)
    yield from _creating(said)
    yield from _fetching(connection, said)
    yield _profiles(connection, said)
    yield from _news(said)
    yield _messages(said)
    yield _access(connection, said)


def _types(said: Abilities) -> Finding:
    missing, left_out = said.not_named(), _left_out(said)
    if "CarePlan" in missing:
        return Finding("types", "fail", f"it does not name CarePlan: no plan can be there{left_out}")
    if not missing:
        status: Literal["ok", "warn"] = "warn" if left_out else "ok"
        return Finding("types", status, f"it names every type of resource that a plan has{left_out}")
    reason = f"it does not name {', '.join(missing)}: it may refuse a plan with such parts, or keep them and not say so"
    return Finding("types", "warn", f"{reason}; try it with the plan of an invented person{left_out}")


def _left_out(said: Abilities) -> str:
    """The words about what the adapter fhirserver does not write there, before it sends anything; empty for nothing."""
    from ip_fhir.fhir.rest.ways import NEEDED

    missing = said.not_writable()
    if needed := [name for name in missing if name in NEEDED]:
        return f". The adapter fhirserver sends nothing there: {', '.join(needed)} cannot be created"
    told = ", ".join(missing)
    return f". The adapter fhirserver writes no {told} there: they stand in its messages alone" if missing else ""


def _writing(said: Abilities) -> Iterator[Finding]:
    if "transaction" in said.interactions:
        yield Finding(
            "transaction", "ok", "a plan is stored and changed all or nothing; one changed measure is 1 request"
        )
    else:
        yield Finding("transaction", "fail", "it takes none: plans can be read there, but not stored and not changed")
    lost = said.keeping_no_versions()
    if lost:
        reason = (
            f"it keeps none of {', '.join(lost)}: nobody would notice another's change, so nothing is changed there"
        )
        yield Finding("versions", "fail", reason)
    else:
        yield Finding("versions", "ok", "an update names the version that was read; of two at once one is merged again")
    if said.without("history-instance") or said.without("vread"):
        yield Finding("history", "warn", "older versions cannot be read there: keep plans in a store of ours as well")
    else:
        yield Finding("history", "ok", "older versions can be read there")
    patch = "it has it" if not said.without("patch") else "it has none"
    yield Finding("PATCH", "ok", f"{patch}; plans do not need it: whole resources are written, by version")


def _creating(said: Abilities) -> Iterator[Finding]:
    doubled = said.actors_in_doubt()
    if doubled:
        reason = f"it does not say that it finds {', '.join(doubled)} by number before it creates one"
        yield Finding("conditional create", "warn", f"{reason}: it refuses our plans, or doubles who is there")
    named = said.created_by_name()
    if named:
        way = "they get ids of ours, and each is looked for first: one request more for each new part"
        yield Finding("conditional create", "warn", f"not by identifier for {', '.join(named)}: {way}")
    if not doubled and not named:
        yield Finding("conditional create", "ok", "whatever is sent twice is there once; who is there is referred to")


def _fetching(connection: Connection, said: Abilities) -> Iterator[Finding]:
    standard, ours = said.parameters_missing(ours=False), said.parameters_missing(ours=True)
    if _takes_batches(connection):
        yield Finding("batch", "ok", f"{_FEW}, each with all that the one before refers to")
        if ours:
            yield Finding("search parameters", "ok", f"ours are not there ({len(ours)}), and not needed with batches")
    elif standard:
        reason = f"it takes none, and cannot include {', '.join(standard)}"
        yield Finding("batch", "warn", f"{reason}: a plan takes one request for each of its resources, 30 to 60")
    elif ours:
        reason = f"it takes none, and lacks our search parameters {', '.join(ours)}"
        yield Finding("batch", "warn", f"{reason}: load those of mappings/search_parameters, and {_FEW}; now 30 to 60")
    else:
        yield Finding("batch", "ok", f"it takes none, but has our search parameters: {_FEW}")


def _takes_batches(connection: Connection) -> bool:
    """True if it answers a batch for a resource that nobody has: what a server says of batches is no proof."""
    from ip_fhir.fhir.rest.bundles import EntryRequest, batch

    try:
        (result,) = connection.perform(batch([EntryRequest("GET", f"Goal/{uuid4()}")]))
    except PeerError:
        return False
    return result.status in {404, 410}


def _profiles(connection: Connection, said: Abilities) -> Finding:
    judges = "it has $validate" if "validate" in said.operations else "it names no $validate"
    if _knows_ours(connection, said):
        return Finding("profiles", "ok", f"ours are known there ({judges}): a plan is judged by what it is")
    reason = (
        f"ours are not seen there ({judges}). If it validates what it stores, it refuses our plans, which name them"
    )
    return Finding("profiles", "warn", f"{reason}: load the package that `make package` writes")


def _knows_ours(connection: Connection, said: Abilities) -> bool:
    from ip_fhir.fhir.rest.searches import search
    from ip_fhir.mapping import default

    ours = set(default().compiled.profiles("CarePlan"))
    if any(ours & one.profiles for one in said.types.values()):
        return True
    try:
        pages = [connection.perform(search("StructureDefinition", [("url", url)])) for url in sorted(ours)]
    except PeerError:
        return False
    return any(one.get("url") in ours for page in pages for one in page.resources)


def _news(said: Abilities) -> Iterator[Finding]:
    from ip_fhir.wire.fhirserver.hooks import takes_subscriptions

    polled = "CarePlan" in said.types and "_lastUpdated" in said.types["CarePlan"].parameters
    if takes_subscriptions(said):
        reason = "by Subscription (rest-hook): the listener fhirserver is notified where it has a door (hook)"
        yield Finding("changes by others", "ok", f"{reason}, and looks by the clock as long as it is not")
    elif polled:
        reason = "by the clock alone: it has no Subscription that we could keep; ask by _lastUpdated"
        yield Finding("changes by others", "warn", reason)
    else:
        reason = "it has no Subscription and no _lastUpdated: a change is seen when the plan is fetched"
        yield Finding("changes by others", "warn", reason)


def _messages(said: Abilities) -> Finding:
    if said.messaging or "process-message" in said.operations:
        return Finding(
            "messages", "ok", "it takes messages ($process-message): the adapter fhir-rest sends notices there"
        )
    reason = (
        "it takes none: no notice and no answer can be sent to it by the adapter fhir-rest, only plans be kept there"
    )
    return Finding("messages", "warn", reason)


def _access(connection: Connection, said: Abilities) -> Finding:
    ways = ", ".join(said.security) or "none that it names"
    if connection.shows_a_token:
        return Finding("access", "ok", f"our token is accepted; ways to authenticate: {ways}")
    return Finding("access", "warn", f"it answered without a token; for plans it should ask for one (ways: {ways})")
