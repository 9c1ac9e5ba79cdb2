"""A CapabilityStatement for each role: two sides of the loop, a party to plans, and a FHIR server that keeps plans.

They are requirements, made from the tables that our endpoint and our client work by.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from ip_fhir.domain.loop.decision import OWN_EVENTS
from ip_fhir.domain.loop.messages import MESSAGE_OF
from ip_fhir.domain.referral import Role
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.capability import ResourceCapability, capability_statement
from ip_fhir.mapping import default
from ip_fhir.servers.abilities import PARTS
from ip_fhir.servers.closure import INCLUDED
from ip_fhir.web.fhir.doors import Doors
from ip_fhir.web.plans import Plans, plan_capabilities
from tests.conformance.sources import PUBLISHED

if TYPE_CHECKING:
    from ip_fhir.exchange import Exchange

_NOT_OF_REQUIREMENTS = ("implementation", "software")
_NEEDED: Final = ("read", "vread", "update", "create", "search-type", "history-instance")


def capability_statements(base: str, version: str) -> list[dict[str, Any]]:
    """The statement of each role, under our base."""
    profiles = default().compiled.profiles
    loop = [
        ResourceCapability(type_, ("read", "update", "search-type"), parameters, profiles(type_))
        for type_, parameters in SEARCH_PARAMETERS.items()
    ]
    plans = plan_capabilities(base, Doors(Plans(cast("Exchange", None)).doors()), profiles)
    hospital, municipality = (_sent_by(role) for role in (Role.HOSPITAL, Role.MUNICIPALITY))
    about_plans = ", ".join(kind.value for kind in PlanMessageKind)
    made = (
        ("hospital", "Hospital: tells of the need, and waits for the green form", loop, hospital, municipality),
        ("municipality", "Municipality: answers with the green form", loop, municipality, hospital),
        ("plan-party", "Party to plans: holds plans, or has views of them", plans, about_plans, about_plans),
    )
    statements = [
        _statement(base, version, name, title, resources, f"Sends {sent}. Takes {taken}. Receipts are synchronous.")
        for name, title, resources, sent, taken in made
    ]
    return [*statements, _server(base, version)]


def _sent_by(role: Role) -> str:
    """The kinds of message that the side sends."""
    return ", ".join(sorted({MESSAGE_OF[event].value for event in OWN_EVENTS[role] if event in MESSAGE_OF}))


def _statement(
    base: str, version: str, name: str, title: str, resources: list[ResourceCapability], messages: str
) -> dict[str, Any]:
    published = datetime.fromisoformat(PUBLISHED).replace(tzinfo=UTC)
    made = capability_statement(base, version, published, resources, messages)
    kept = {key: value for key, value in made.items() if key not in _NOT_OF_REQUIREMENTS}
    return _headed(kept, base, version, name, title) | {"messaging": [{"documentation": messages}]}


def _headed(statement: dict[str, Any], base: str, version: str, name: str, title: str) -> dict[str, Any]:
    head = {
        "resourceType": "CapabilityStatement",
        "id": f"ip-{name}",
        "url": f"{base}/CapabilityStatement/ip-{name}",
        "version": version,
        "name": "Ip" + "".join(word.capitalize() for word in name.split("-")),
        "title": title,
    }
    about = {"date": PUBLISHED, "publisher": "ip_fhir", "description": title + ".", "kind": "requirements"}
    return {**statement, **head, **about}


def _server(base: str, version: str) -> dict[str, Any]:
    """The statement of a FHIR server that keeps plans: all that `ip_fhir.servers` makes use of."""
    rest = {
        "mode": "server",
        "documentation": "Whatever is missing, `ip-fhir doctor --server URL` tells the way round that is taken.",
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "resource": [_kept(base, type_) for type_ in PARTS],
    }
    statement = {"status": "active", "fhirVersion": "4.0.1", "format": ["application/fhir+json"], "rest": [rest]}
    return _headed(statement, base, version, "plan-server", "FHIR server that keeps plans")


def _kept(base: str, type_: str) -> dict[str, Any]:
    profiles = list(default().compiled.profiles(type_))
    ours = {"definition": f"{base}/SearchParameter/"}
    parameters: list[dict[str, Any]] = [
        {"name": "identifier", "type": "token"},
        {"name": "_lastUpdated", "type": "date"},
    ]
    for name in INCLUDED.get(type_, ()):
        more = {"definition": ours["definition"] + name} if name.startswith("ip-") else {}
        parameters.append({"name": name, **more, "type": "reference"})
    return {
        "type": type_,
        **({"supportedProfile": profiles} if profiles else {}),
        "interaction": [{"code": code} for code in _NEEDED],
        "versioning": "versioned-update",
        "conditionalCreate": True,
        "searchParam": parameters,
    }
