"""The surroundings of a decision: what settings and agreements say about the parties of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.ages import LAW, ConsentAges
from ip_fhir.domain.sharing.terms import SharingTerms
from ip_fhir.domain.values.calendar import NONE_CLOSED, ClosedDays

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan


@dataclass(frozen=True, slots=True)
class PartyTerms:
    """The terms of one party: those of the agreement with it, and of its system. By default nothing is agreed.

    `on_wire` is False for our own party, whose people look at the plan in our own system; it needs no agreement.
    `absent` says how a part is read that is missing in a change of theirs. `readers` are the names of the other parties
    that read the server by which it is reached; without `readers_known` nobody has said who they are.
    """

    level: ContentLevel = ContentLevel.PLAN
    ages: ConsentAges = LAW
    agreed: bool = False
    by_person: bool = False
    on_wire: bool = True
    absent: Literal["unchanged", "removed"] = "unchanged"
    readers: tuple[str, ...] = ()
    readers_known: bool = True
    sharing: SharingTerms = field(default_factory=SharingTerms)
    closed: ClosedDays = NONE_CLOSED

    @property
    def may_share(self) -> bool:
        """True if a plan may be shared with the party: an agreement names it, or it is our own."""
        return self.agreed or not self.on_wire


class SettingsBasis(NamedTuple):
    """The settings by which shares are decided: a digest of all that they say of parties, and since when they count.

    `since` is the time (with zone) at which a process first used them. Of two processes with other settings the later
    one has the say: what it has decided the earlier one does not decide anew.
    """

    digest: str
    since: datetime

    def replaces(self, digest: str | None, since: datetime | None) -> bool:
        """True if shares are to be looked at anew that were looked at by settings of this digest, used since then."""
        return self.digest != digest and (since is None or since <= self.since)


class Base(NamedTuple):
    """The plan and Norwegian day from which the view was made that a change is based on."""

    plan: IndividualPlan
    day: date


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a decision needs beside case and event.

    `party_of` has the nearest party of each organisation of the plan, by its id. `new_key` gives a new secret of 32
    bytes in hexadecimal, for a share that begins. `base` is given for a change, `loop_parties` (those with an open loop
    about the person) for a question for the plan. Without `basis` it is not kept by which settings the shares were
    looked at.
    """

    party_of: Mapping[str, str]
    terms: Mapping[str, PartyTerms]
    new_key: Callable[[], str]
    base: Base | None = None
    loop_parties: Collection[str] = ()
    basis: SettingsBasis | None = None

    def of(self, party: str | None) -> PartyTerms:
        """Returns the terms of a party; those without an agreement, if nothing is known of it."""
        try:
            return self.terms[party or ""]
        except KeyError:
            return _NOTHING_AGREED


_NOTHING_AGREED = PartyTerms()
