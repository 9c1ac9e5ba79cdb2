"""Chains of Provenances: one for each message of a correspondence, the newest of which points to the one before it.

Profile medcom-messaging-provenance: `target` is the message, `activity` says if it is new, an answer or a continuation,
`agent.who` is the organisation that sent it, and `entity.what` the message before. A message carries the Provenances of
all before it, as they were written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.bundle import Entry
from ip_fhir.fhir.medcom.codes import ACKNOWLEDGEMENT, ACTIVITIES
from ip_fhir.fhir.references import References, unversioned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ip_fhir.ports import JsonObject

_PROVENANCE: Final = "Provenance"
MOST: Final = 1_000
"""The number of Provenances that a message may carry."""

_HEADER: Final = "MessageHeader"
_MODIFIERS: Final = ("modifierExtension", "implicitRules")


def provenance(
    message: str, who: str | None, recorded: str, activity: str = "new-message", before: str | None = None
) -> JsonObject:
    """Returns the Provenance of the message with the reference `message`, of the organisation `who`.

    `recorded` is an instant as FHIR writes it; `before` the reference to the message before, if there is one. The id
    derives from the message.
    """
    agent: JsonObject = {"who": {"reference": who} if who is not None else {"display": "unknown"}}
    made: JsonObject = {
        "resourceType": _PROVENANCE,
        "id": str(uuid5(NAMESPACE_URL, f"{message}#provenance")),
        "target": [{"reference": message}],
        "occurredDateTime": recorded,
        "recorded": recorded,
        "activity": {"coding": [{"system": ACTIVITIES, "code": activity}]},
        "agent": [agent],
    }
    if before is not None:
        made["entity"] = [{"role": "revision", "what": {"reference": before}}]
    return made


def named(reference: Any) -> str | None:
    """Returns the id of the message that a reference names; None if it names no MessageHeader.

    >>> named("https://a.example/fhir/MessageHeader/m-1"), named("Patient/1")
    ('m-1', None)
    """
    if not isinstance(reference, str):
        return None
    above, _, id_ = unversioned(reference).rpartition("/")
    return id_ if id_ and above.rpartition("/")[2] == _HEADER else None


def targets(resource: Mapping[str, Any]) -> str | None:
    """Returns the id of the message that a Provenance is about; None where it names none, or several."""
    target = resource.get("target")
    if not isinstance(target, list) or len(target) != 1 or not isinstance(target[0], dict):
        return None
    return named(target[0].get("reference"))


def is_link(entry: Entry) -> bool:
    """True for a Provenance that belongs to the chain: unless its targets are resources of the content."""
    if entry.type != _PROVENANCE:
        return False
    said = [one.get("reference") if isinstance(one, dict) else None for one in _list(entry.resource.get("target"))]
    return not said or any(not isinstance(reference, str) or named(reference) is not None for reference in said)


def links_in(entries: Sequence[Entry]) -> list[Entry]:
    """Returns the Provenances of a chain. Raises `InvalidInput` for each that does not say enough, by FHIRPath."""
    found = [entry for entry in entries if is_link(entry)]
    if len(found) > MOST:
        raise InvalidInput.at("Bundle.entry", f"holds more than {MOST} Provenances", "too-costly")
    problems = [problem for entry in found for problem in _faults(entry)]
    if problems:
        raise InvalidInput(problems)
    return found


def own_link(links: Sequence[Entry], message_id: str) -> Entry:
    """Returns the Provenance of the message itself. Raises `InvalidInput` unless there is exactly one."""
    found = [link for link in links if targets(link.resource) == message_id]
    if not found:
        raise InvalidInput.at("Bundle.entry", "no Provenance has this message as its target", "required")
    if len(found) > 1:
        raise InvalidInput.at(f"{found[1].at}.target", "another Provenance has it too", "multiple-matches")
    return found[0]


def before_in(link: Entry) -> list[str]:
    """Returns the ids of the messages before the one that a Provenance is about; those of other wires are left out."""
    whats = [entity["what"] for entity in link.resource.get("entity", ())]
    found = (named(what.get("reference")) for what in whats)
    return [ident for ident in found if ident is not None]


def gaps(links: Sequence[Entry]) -> list[Problem]:
    """Returns a warning for each message that a Provenance points to and that has none of its own in the chain."""
    there = {targets(link.resource) for link in links}
    return [
        Problem(f"{link.at}.entity", "points to a message without a Provenance here", "invariant", "warning")
        for link in links
        if any(ident not in there for ident in before_in(link))
    ]


def entries_in(bundle: JsonObject) -> list[Entry]:
    """Returns the entries of a Bundle that hold a resource, whatever else is wrong with it."""
    found = bundle.get("entry")
    return [
        Entry(number, entry.get("fullUrl") if isinstance(entry.get("fullUrl"), str) else None, entry["resource"])
        for number, entry in enumerate(found if isinstance(found, list) else ())
        if isinstance(entry, dict) and is_resource(entry.get("resource"))
    ]


def is_resource(node: Any) -> bool:
    """True for an object that says which resource it is."""
    return isinstance(node, dict) and isinstance(node.get("resourceType"), str)


def carried(entries: Sequence[Entry]) -> list[Entry]:
    """Returns the Provenances that a later message carries on, each after the organisations that it names.

    One of an acknowledgement is left out, as is one that does not say enough.
    """
    links = References(entries)
    found: list[Entry] = []
    for entry in entries:
        if is_link(entry) and not is_acknowledgement(entry.resource) and not [*_faults(entry)]:
            whos = (agent["who"].get("reference") for agent in entry.resource["agent"])
            agents = (links.one(who, entry) for who in whos if isinstance(who, str))
            found += [agent for agent in agents if agent is not None and agent.container is None]
            found.append(entry)
    return found


def activity_of(link: Entry) -> str | None:
    """Returns the code of what was done with the message that a Provenance is about."""
    return _code(link.resource.get("activity"))


def is_acknowledgement(resource: Mapping[str, Any]) -> bool:
    """True for the Provenance of an acknowledgement."""
    return _code(resource.get("activity")) == ACKNOWLEDGEMENT


def _faults(entry: Entry) -> Iterator[Problem]:
    """The problems of a Provenance by the profile: what it is about, since when, by whom, after which message."""
    resource, at = entry.resource, entry.at
    for name in _MODIFIERS:
        if name in resource:
            yield Problem(f"{at}.{name}", "may change what the chain means, and is not known here", "not-supported")
    if targets(resource) is None:
        yield Problem(f"{at}.target", "must be one reference to a MessageHeader", "required")
    if not isinstance(resource.get("recorded"), str):
        yield Problem(f"{at}.recorded", "is required", "required")
    if _code(resource.get("activity")) is None:
        yield Problem(f"{at}.activity", "must have a code", "required")
    if not _agents(resource.get("agent")):
        yield Problem(f"{at}.agent", "must say who sent the message", "required")
    for number, entity in enumerate(_list(resource.get("entity", []))):
        if not isinstance(entity, dict) or not _says_what(entity.get("what")):
            yield Problem(
                f"{at}.entity[{number}].what", "must name the message before, by reference or identifier", "required"
            )


def _agents(node: Any) -> bool:
    agents = _list(node)
    return bool(agents) and all(isinstance(agent, dict) and isinstance(agent.get("who"), dict) for agent in agents)


def _says_what(node: Any) -> bool:
    if not isinstance(node, dict):
        return False
    identifier = node.get("identifier")
    reference = node.get("reference")
    said = isinstance(identifier, dict) and isinstance(identifier.get("value"), str)
    return said or (isinstance(reference, str) and bool(reference))


def _code(node: Any) -> str | None:
    codings: Iterable[Any] = _list(node.get("coding")) if isinstance(node, dict) else ()
    found = (coding.get("code") for coding in codings if isinstance(coding, dict))
    return next((code for code in found if isinstance(code, str)), None)


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node] if node is not None else []
