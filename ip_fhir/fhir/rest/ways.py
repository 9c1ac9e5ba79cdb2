"""The ways in which resources can be written to a server, by what its CapabilityStatement says.

A statement may lie: what a server then refuses is told by its answers. Here it is worked out before the first request
what certainly cannot be done, and which way round is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ip_fhir.fhir.rest.statements import ServerStatement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.ports import JsonObject

_R4: Final = "4.0."

NEEDED: Final = ("Task", "Organization")
"""The types without which no message can be sent."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The abilities of a server: the types that can be created, searched by identifier, and created on a condition.

    `version` is the FHIR version as it stands there, empty without one.
    """

    version: str
    transaction: bool
    writable: frozenset[str] = field(default_factory=frozenset)
    searchable: frozenset[str] = field(default_factory=frozenset)
    conditional: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, statement: JsonObject) -> Ways:
        """Returns the abilities that a CapabilityStatement names; anything that is not one is not counted."""
        said = ServerStatement.read(statement)
        types = said.types.items()
        return cls(
            said.fhir_version or "",
            "transaction" in said.interactions,
            frozenset(name for name, one in types if one.is_writable),
            frozenset(name for name, one in types if "identifier" in one.parameters),
            frozenset(name for name, one in types if one.conditional_create),
        )

    def refusals(self, needed: Iterable[str]) -> list[str]:
        """Returns in words what rules this server out; `needed` are the types without which nothing can be sent."""
        found = [] if self.version.startswith(_R4) else [f"is no R4 server: {self.version[:10] or 'no version'}"]
        found += [] if self.transaction else ["takes no transactions: a message might be written in part"]
        missing = sorted(set(needed) - self.writable)
        return [*found, *([f"cannot create {', '.join(missing)}"] if missing else [])]

    def detours(self, types: Iterable[str]) -> list[str]:
        """Returns in words which way round is taken with these types, and what is left out."""
        told = []
        for name in sorted(set(types)):
            if name not in self.writable:
                told.append(f"{name}: cannot be created there, and stands in the message alone")
            elif name not in self.searchable:
                told.append(f"{name}: cannot be searched by identifier, so it is created under an id of ours")
            elif name not in self.conditional:
                told.append(f"{name}: no conditional create, so it is searched for first")
        return told
