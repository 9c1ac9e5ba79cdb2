"""A consent that cannot be kept whole: read as a no to everybody and everything if it is in force, else out of sight.

A lens that skipped what it does not know would read such a consent as a wider yes than it is, or lose a no. So a
refusal stands in for it in the domain. The resource itself stays as it is: a put neither changes nor removes it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.lenses.table import Lens

# http://hl7.org/fhir/R4/valueset-consent-state-codes.html and R5's; any other status may be one in force.
_NOT_IN_FORCE = frozenset({"draft", "proposed", "rejected", "inactive", "entered-in-error", "not-done"})
# http://hl7.org/fhir/R4/valueset-consent-scope.html: research, treatment and advance directives are other matters.
_SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
_OTHER_SCOPES = frozenset({"research", "treatment", "adr"})
_UNDATED: Final = "1900-01-01"
"""The day of a no without a day of its own: earlier than any day that is asked about."""

AS_NO: Final = "the consent cannot be kept whole, and is read as a no to everybody and everything"
OUT_OF_SIGHT: Final = "is a consent that is not in force, and that cannot be kept whole: not read"
_NO_MATTER: Final = "is of no kind of consent that is known here"
_TWO_KINDS: Final = "names several kinds of consent, and one alone can be kept"
_STAYS: Final = "cannot be kept whole: it stays as it is, and can be neither changed nor removed here"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule for the consents of one whole; `lens` is that of their table."""

    lens: Lens

    def counts(self, resource: dict[str, Any]) -> bool:
        """True for a consent that the lens does not know for its own, and that may say no to what is mapped."""
        return _is_in_force(resource) and not self.lens.owns(resource) and not _is_of_another_scope(resource)

    def read(self, ident: str, entry: Entry, links: Links) -> dict[str, Any]:
        """The data that the lens reads. Raises `InvalidInput` as it does, and if it only `counts`."""
        if not self.lens.owns(entry.resource):
            raise InvalidInput.at(f"{entry.at}.category", _NO_MATTER, "not-supported")
        if len(self._kinds(entry.resource, links)) > 1:
            raise InvalidInput.at(f"{entry.at}.category", _TWO_KINDS, "multiple-matches")
        return self.lens.get({**entry.resource, "id": ident}, links, entry.at)

    def is_of_another(self, entry: Entry, problems: Iterable[Problem]) -> bool:
        """True if one of the problems is that the consent is about somebody else: that is no matter of what it says."""
        about = [f"{entry.at}.{const.path[0].name}" for const, _ in self.lens.inner.consts if const.owner]
        return any(problem.path.startswith(place) for problem in problems for place in about)

    def value(self, ident: str, entry: Entry, links: Links) -> dict[str, Any] | None:
        """The data of the no that stands in for the consent; None for one that is not in force.

        The kind and the day are the consent's own where it has one that can be read, else sharing, and a day before any
        other. Raises `InvalidInput` if its id is none that the domain allows.
        """
        if not _is_in_force(entry.resource):
            return None
        kinds, day = self._kinds(entry.resource, links), self._field("given_on", entry.resource, links)
        kind = kinds.pop() if len(kinds) == 1 else ConsentKind.SHARING
        said = {"id": ident, "kind": kind, "given_on": day or _UNDATED, "access": Access.DENY}
        with suppress(InvalidInput):
            return data_of(read(Consent, said))
        try:
            return data_of(read(Consent, {**said, "given_on": _UNDATED}))
        except InvalidInput as error:  # an id that no value of the domain may have
            raise InvalidInput(replace(p, path=f"{entry.at}.{p.path}") for p in error.problems) from None

    def told(self, entry: Entry, problems: Iterable[Problem]) -> list[Problem]:
        """Warnings for a consent that was not read as it stands; `problems` are the reasons, by FHIRPath."""
        if not _is_in_force(entry.resource):
            return [_warning(entry.at, OUT_OF_SIGHT)]
        return [_warning(problem.path, f"{problem.reason}: {AS_NO}") for problem in problems]

    def expect_whole(self, ident: str, entry: Entry, known: Any, links: Links) -> None:
        """Raise `InvalidInput` if the consent `known` stands in for this entry, which can then not be written."""
        if self.stands_in(ident, entry, known, links):
            raise InvalidInput.at(entry.at, _STAYS, "business-rule")

    def stands_in(self, ident: str, entry: Entry, known: Any, links: Links) -> bool:
        """True if the known consent is not what the lens reads in the entry."""
        try:
            said = read(Consent, self.read(ident, entry, links))
        except InvalidInput:
            return True
        return said != read(Consent, data_of(known))

    def _kinds(self, resource: dict[str, Any], links: Links) -> set[str]:
        """The kinds of consent that the resource names; a lens reads the first only."""
        entries = resource.get("category")
        each = ({"category": [one]} for one in (entries if type(entries) is list else ()))
        return {kind for one in each if (kind := self._field("kind", one, links)) is not None}

    def _field(self, name: str, resource: dict[str, Any], links: Links) -> Any:
        """The value of one field, None if it cannot be read."""
        row = next(lens for lens in self.lens.inner.fields if lens.row.field == name)
        with suppress(Wrong):
            return row.read(resource, links)
        return None


def _is_in_force(resource: dict[str, Any]) -> bool:
    """True unless the status says that it is not, and nothing unknown changes what the status means."""
    status = resource.get("status")
    if "implicitRules" in resource or "modifierExtension" in resource:
        return True
    return not (type(status) is str and status in _NOT_IN_FORCE)


def _is_of_another_scope(resource: dict[str, Any]) -> bool:
    scope = resource.get("scope")
    codings = scope.get("coding") if type(scope) is dict else None
    found = [c for c in codings if type(c) is dict] if type(codings) is list else []
    return any(c.get("system") == _SCOPES and c.get("code") in _OTHER_SCOPES for c in found)


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
