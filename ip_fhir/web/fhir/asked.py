"""An interaction as it is asked for, by a request of its own or by an entry of a batch, and the preferences with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers

from ip_fhir.fhir.reading import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.fhir.reading import Limits
    from ip_fhir.ports import JsonObject

_RETURNS: Final = ("minimal", "representation", "OperationOutcome")


def everything(_type: str, _letters: str) -> bool:
    """Allows each interaction with each type: as a token of the settings does."""
    return True


@dataclass(frozen=True, slots=True)
class Asked:
    """One interaction: its method, the ids in its path by name, parameters of URL and form, headers and content.

    `allows` tells if the token that was shown allows interactions, by their letters in a scope, with a type.
    """

    method: str
    ids: Mapping[str, str] = field(default_factory=dict)
    in_url: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    in_form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Headers = field(default_factory=Headers, repr=False)
    content: bytes = field(default=b"", repr=False)
    body: JsonObject | None = field(default=None, repr=False)
    allows: Callable[[str, str], bool] = everything

    def resource(self, limits: Limits) -> JsonObject:
        """The resource that was sent. Raises `InvalidInput` if the content is none."""
        return self.body if self.body is not None else read_json(self.content, limits)

    @property
    def is_lenient(self) -> bool:
        """True if parameters that are not supported are to be left out, not refused (`Prefer: handling=lenient`)."""
        return self._preferences().get("handling") == "lenient"

    @property
    def returns(self) -> str:
        """The part of a write that is to come back: `representation` (also where nothing is said), or a lesser one."""
        wanted = self._preferences().get("return", "")
        return wanted if wanted in _RETURNS else "representation"

    def _preferences(self) -> dict[str, str]:
        """The preferences of RFC 7240; of two with one name the first counts."""
        found: dict[str, str] = {}
        for one in ",".join(self.headers.getlist("prefer")).replace(";", ",").split(","):
            name, _, value = one.partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
        return found
