"""The CapabilityStatement of an endpoint: of each type the interactions of its doors, and the parameters it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.exchange.interactions.criteria import PARTIES, PERSONS
from ip_fhir.exchange.interactions.search import INCLUDES
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.capability import ResourceCapability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ip_fhir.web.fhir.doors import Doors

_CONDITIONAL: Final = {"ServiceRequest": ("create", "update"), "Task": ("update",)}

_DOCUMENTATION: Final = {
    "ServiceRequest": (
        "A notice. Created, it opens a loop: people and organisations come along in it, contained. What it says is not "
        "changed later; what another system adds is kept."
    ),
    "Task": "What becomes of a notice. It comes with its ServiceRequest, and a change of it is an event of the loop.",
}
_BY_IDENTIFIER: Final = "By identifier: {name}:identifier=system|value, or {name}.identifier."
_BY_POST: Final = "By number, and by POST to _search only: {name}:identifier=system|number."


def loop_capabilities(doors: Doors, profiles: Callable[[str], tuple[str, ...]]) -> Iterator[ResourceCapability]:
    """Yields the part about ServiceRequest and Task; `profiles` gives those of a type."""
    for type_, parameters in SEARCH_PARAMETERS.items():
        goes_along = INCLUDES[type_]
        yield ResourceCapability(
            type_,
            doors.of(type_),
            parameters,
            profiles(type_),
            documentation=_DOCUMENTATION[type_],
            notes=_notes(type_),
            conditional=_CONDITIONAL[type_],
            include=goes_along.get("_include", ()),
            revinclude=goes_along.get("_revinclude", ()),
        )


def _notes(type_: str) -> Mapping[str, str]:
    parties = {name: _BY_IDENTIFIER.format(name=name) for name in PARTIES[type_]}
    return parties | {name: _BY_POST.format(name=name) for name in PERSONS}
