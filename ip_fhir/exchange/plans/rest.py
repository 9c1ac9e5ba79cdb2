"""Read and search of plans as FHIR resources: each party has its own view, and nothing else is there for it.

Who has no share gets one answer, whether there is a plan or not. An open loop about the person is no ground: a read has
nobody's yes, and such a party asks by the message `plan-request`. What is shown, and that something was asked for in
vain, is recorded before the answer is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.cursor import seal, unseal
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.interactions.search import MOST, Page, number_of
from ip_fhir.exchange.plans.views import Views
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.readings import by_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.exchange.plans.views import Answer
    from ip_fhir.ports.readings import ReadingWay

ROOT: Final = "CarePlan"

SERVED: Final = (
    *(ROOT, "Goal", "CareTeam", "Condition", "Appointment"),
    *("Patient", "RelatedPerson", "Practitioner", "PractitionerRole", "Organization"),
)
"""The types of the resources that a view is made of."""

_CHANGED: Final = "the view has changed since: search again"


@dataclass(frozen=True, slots=True)
class PlanCriteria:
    """The resources of a view that are searched for: all criteria must hold, and one of them must be given.

    `ids` are ids of resources, of which one must match; `person` is a token for the person's number, `system|number` or
    `number`; `share` is the id of the share.
    """

    ids: tuple[str, ...] = ()
    person: str | None = field(default=None, repr=False)
    share: str | None = None

    def names(self) -> dict[str, str]:
        """Returns the criteria that stand in links, by the parameters' names: never the person."""
        found = {"_id": ",".join(self.ids), "share": self.share or ""}
        return {name: value for name, value in found.items() if value}


class _Place(NamedTuple):
    """A place in a search: the shares with the numbers of their views, and how many resources come before it."""

    views: tuple[tuple[str, int], ...]
    begin: int


def read(context: Context, peer: Credential, type_: str, id_: str, share: str | None = None) -> ResourceVersion:
    """A resource of the view that the party has. Raises `InvalidInput` (not-found), and as `Views`.

    `share` is the id of the share that the request names. Raises `HeldElsewhere` where the plan went on with the share.
    """
    shown, resource = found(context, peer, type_, id_, share)
    _Request(context, peer, share).record(shown, resource)
    return resource


def found(
    context: Context, peer: Credential, type_: str, id_: str, share: str | None = None, way: ReadingWay = "read"
) -> tuple[Shown, ResourceVersion]:
    """A resource and the view it is in. Raises as `read`; that it was shown is up to the caller to record.

    `way` is the interaction that is recorded where it is refused.
    """
    request = _Request(context, peer, share)
    answer = request.find(type_, id_)
    if (shown := answer.shown) is not None:
        for one in shown.resources:
            if (one.type, one.id) == (type_, id_):
                return shown, shown.data_of(one)
    raise request.refused(answer, type_, id_, way)


def view(context: Context, peer: Credential, plan_id: str, share: str | None = None) -> Shown:
    """The whole view that the party has of a plan. Raises as `read`."""
    request = _Request(context, peer, share)
    answer = request.views.of_plan(plan_id)
    if (shown := answer.shown) is None:
        raise request.refused(answer, ROOT, plan_id, "view")
    request.record(shown, shown.whole, "view")
    return shown


def search(
    context: Context, peer: Credential, type_: str, criteria: PlanCriteria, most: int = 100, cursor: str | None = None
) -> Page:
    """The resources of a type in the views that the party has, `most` (1 to 1000) of them from the cursor on.

    A page that follows a search by person has no criteria but its cursor. Nothing is found where the party has no view.
    Raises `InvalidInput` (required: no criterion; structure: another party's or another search's cursor; conflict: a
    view is another one by now), `HeldElsewhere`, and as `Views`.
    """
    if not 1 <= most <= MOST:
        raise InvalidInput.at("_count", f"is a number from 1 to {MOST}", "value")
    request = _Request(context, peer, criteria.share)
    place = _read_place(cursor, peer.name, type_, criteria) if cursor is not None else None
    if place is not None:
        answers = request.again(place)
    elif criteria == PlanCriteria():
        raise InvalidInput.at(type_, "say what to search for: _id, share, or (by POST) the person", "required")
    else:
        answers = list(request.answers(type_, criteria))
    several = [
        (answer.shown, one)
        for answer in answers
        if answer.shown is not None
        for one in answer.shown.resources
        if one.type == type_ and (not criteria.ids or one.id in criteria.ids)
    ]
    begin = place.begin if place is not None else 0
    page = [(shown, shown.data_of(one)) for shown, one in several[begin : begin + most]]
    request.record_page(type_, criteria, answers, page)
    if not several and (gone := next((one.gone for one in answers if one.gone is not None), None)) is not None:
        raise gone
    more = begin + most < len(several)
    views = tuple((one.shown.share.id, one.shown.version) for one in answers if one.shown is not None)
    after = _write_place(_Place(views, begin + most), peer.name, type_, criteria) if more else None
    return Page([one for _, one in page], len(several), after)


class _Request:
    """A request of a party at one moment."""

    def __init__(self, context: Context, peer: Credential, share: str | None) -> None:
        self._context, self._peer = context, peer
        self._now = context.clock.now()
        self.views = Views(context, peer, self._now, share)

    # --- which views

    def find(self, type_: str, id_: str) -> Answer:
        """The view with this resource."""
        return self.views.of_plan(id_) if type_ == ROOT else self.views.of_item(id_)

    def answers(self, type_: str, criteria: PlanCriteria) -> Iterator[Answer]:
        """The views that a search is about, each once, and plans of which the party has none."""
        if criteria.person is not None:
            answers = self.views.of_person(number_of(self._context, criteria.person))
        elif criteria.share is not None:
            answers = [self.views.of_share(criteria.share)]
        else:
            answers = [self.find(type_, ident) for ident in criteria.ids]
        seen = set()
        for answer in answers:
            key = answer.plan_id if answer.shown is None else answer.shown.share.id
            if key not in seen:
                seen.add(key)
                yield answer

    def again(self, place: _Place) -> list[Answer]:
        """The views that a cursor names. Raises `InvalidInput` (conflict) if one of them is another by now."""
        answers = [Views(self._context, self._peer, self._now, share).of_share(share) for share, _ in place.views]
        if [one.shown and one.shown.version for one in answers] != [number for _, number in place.views]:
            raise InvalidInput.at("_cursor", _CHANGED, "conflict")
        return answers

    # --- the log of reads

    @property
    def _occasion(self) -> Occasion:
        return Occasion(self._context.store, self._now)

    def record(self, shown: Shown, resource: ResourceVersion, way: ReadingWay = "read") -> None:
        """Record what is about to be shown of a view."""
        self._context.reads.read(self._occasion, self._peer, resource, by_share(shown.share.id), way)

    def refused(self, answer: Answer, type_: str, id_: str, way: ReadingWay) -> InvalidInput:
        """Record that a resource was asked for in vain, and return the error that says so."""
        if answer.plan_id is None:
            self._context.reads.found(self._occasion, self._peer, type_, {"_id": ""}, [])
        self._refuse(answer, way, type_, id_)
        return answer.gone or InvalidInput.at(type_, "no resource with this id", "not-found")

    def _refuse(self, answer: Answer, way: ReadingWay, type_: str, id_: str) -> None:
        if answer.plan_id is not None:
            asked = ResourceVersion(type_, id_, 0, {}, self._now, answer.plan_id, aggregate_kind=PLAN)
            self._context.reads.refused(self._occasion, self._peer, way, asked)

    def record_page(
        self, type_: str, criteria: PlanCriteria, answers: list[Answer], page: list[tuple[Shown, ResourceVersion]]
    ) -> None:
        """Record what a search is about to show, each resource on the ground of its share."""
        reads, names = self._context.reads, dict(criteria.names())
        if criteria.person is not None:
            names["patient"] = ""  # its name only
        for answer in answers:
            if answer.shown is None:
                self._refuse(answer, "search", ROOT, answer.plan_id or "")
                continue
            share = answer.shown.share.id
            shown = [one for of, one in page if of is answer.shown]
            if shown:
                reads.found(self._occasion, self._peer, type_, {**names, "share": share}, shown, by_share(share))
        if not page:
            reads.found(self._occasion, self._peer, type_, names, [])


def _write_place(place: _Place, party: str, type_: str, criteria: PlanCriteria) -> str:
    return seal([place.views, place.begin], party, type_, criteria.names())


def _read_place(text: str, party: str, type_: str, criteria: PlanCriteria) -> _Place:
    views, begin = unseal(text, party, type_, criteria.names())
    return _Place(tuple((share, number) for share, number in views), begin)
