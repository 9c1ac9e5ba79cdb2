"""The doors of the endpoint: which interaction is answered at which address, for a request and for an entry of a batch.

Each is a function of the party and of what is asked for, so that an entry of a batch is answered as a request is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from starlette.routing import compile_path

from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from ip_fhir.exchange.peers import Credential
    from ip_fhir.web.fhir.asked import Asked

Answering: TypeAlias = "Callable[[Credential, Asked], Response]"


@dataclass(frozen=True, slots=True)
class Door:
    """One interaction: its method, the path as `Task/{id}`, its name in a CapabilityStatement, and who answers."""

    method: str
    path: str
    interaction: str
    answering: Answering

    def answer(self, peer: Credential, asked: Asked) -> Response:
        """Returns the answer. Raises `BadRequest` 404 where the name of an operation stands in the place of an id."""
        if asked.ids.get("id", "").startswith(("_", "$")):
            raise nothing_here()
        return self.answering(peer, asked)


class Doors:
    """All doors, by path."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self._by_path: dict[str, dict[str, Door]] = {}
        for door in doors:
            self._by_path.setdefault(door.path, {})[door.method] = door
        self._patterns = [(compile_path(path)[0], by_method) for path, by_method in self._by_path.items()]

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """The methods by path."""
        return {path: tuple(by_method) for path, by_method in self._by_path.items()}

    def of(self, type_: str) -> tuple[str, ...]:
        """The interactions with a type, by their names in a CapabilityStatement."""
        found = [
            door.interaction
            for path, by_method in self._by_path.items()
            for door in by_method.values()
            if path.partition("/")[0] == type_ and not door.interaction.startswith("$")
        ]
        return tuple(dict.fromkeys(found))

    def at(self, path: str, method: str) -> Door:
        """The door with this path, which is a template, and method."""
        return self._by_path[path]["GET" if method == "HEAD" else method]

    def find(self, path: str, method: str) -> tuple[Door, dict[str, str]]:
        """The door at a path such as `Task/1`, and the ids in it. Raises `BadRequest` 404 or 405."""
        for pattern, by_method in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                if method not in by_method:
                    raise BadRequest(405, "not possible here", "not-supported")
                return by_method[method], found.groupdict()
        raise nothing_here()


def nothing_here() -> BadRequest:
    """The refusal of an address that leads nowhere."""
    return BadRequest(404, "nothing is at this address", "not-found")
