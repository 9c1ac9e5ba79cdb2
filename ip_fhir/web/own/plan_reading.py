"""The doors by which plans are read: lists, content and versions, views, changes, the log of access."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.parties import OURS
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanRecord
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.ports.capabilities import keeps_readings
from ip_fhir.ports.plans import keeps_plans
from ip_fhir.report.plan_difference import plan_difference
from ip_fhir.report.plans.access import access_entries
from ip_fhir.web.own.doors import CURSOR, Door, Query, Shown, limit, values
from ip_fhir.web.own.loop_values import PersonSearch
from ip_fhir.web.own.pages import next_page, place_of
from ip_fhir.web.own.plan_values import (
    AccessLine,
    AccessLog,
    Changes,
    Difference,
    PlanPage,
    PlanSteps,
    PlanSummary,
    Preview,
    Previews,
    SeenPlan,
    SharingState,
    Version,
    Versions,
    Views,
    Wanted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.domain.values.value import Value
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports.plans import PlanStore
    from ip_fhir.web.own.doors import Asked

PLANS: Final = "plans"

_MOST_READINGS: Final = 100_000
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
_SIDE = Query("side", {"type": "string", "enum": [str(side) for side in PlanSide]}, "Only plans in which we have it.")
_VERSION = Query("version", _NUMBER, "An earlier version; by default the newest.")
_FIRST = Query("from", _NUMBER, "By default the version before the other.")
_SECOND = Query("to", _NUMBER, "By default the newest version.")
_LANGUAGE = Query("lang", {"type": "string", "enum": ["nb", "en"], "default": "nb"}, "Language of the words.")


@dataclass(frozen=True, slots=True)
class PlanReading:
    """The doors by which the plans of one side are read."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        yield from self._lists()
        yield from self._contents()
        yield from self._history()

    def _lists(self) -> Iterator[Door]:
        paged, one = (limit(), CURSOR), self._door
        yield one("", "listPlans", "The plans, latest changed first; no names.", PlanPage, self._list, (_SIDE, *paged))
        yield Door(
            "POST",
            "/own/plans/search",
            "findPlans",
            "The plans about one person; those that are over come last.",
            PLANS,
            values(PlanPage),
            self._about,
            takes=values(PersonSearch),
        )
        yield Door(
            "GET",
            "/own/plans/{plan}",
            "readSharing",
            "A plan with its shares, invitations, questions and handover; without its content.",
            PLANS,
            values(SharingState),
            lambda asked: self.shown(asked.path["plan"]),
            versioned=True,
            also=(404,),
        )

    def _contents(self) -> Iterator[Door]:
        one = self._door
        content = "The plan that this side holds, as `savePlan` takes it."
        yield one("/{plan}/content", "readPlan", content, IndividualPlan, self._content, (_VERSION,))
        views = "The views of a plan that others hold, as `changePlan` takes them; after their last day none."
        yield one("/{plan}/views", "readViews", views, Views, self._views)
        seen = "A plan that we hold as a party of the settings sees it, or the person or a relative by their id in it."
        yield one("/{plan}/seen-by/{who}", "seePlanAs", seen, SeenPlan, self._seen, also=(403,))
        yield Door(
            "POST",
            "/own/plans/{plan}/preview",
            "previewPlan",
            "What each participant would see, now or if a plan were saved. Nothing is stored.",
            PLANS,
            values(Previews),
            self._preview,
            takes=values(Wanted),
            also=(403, 404, 412),
        )

    def _history(self) -> Iterator[Door]:
        paged, one = (limit(), CURSOR), self._door
        versions = "The versions, newest first: when each was saved, and by whom."
        yield one("/{plan}/versions", "listVersions", versions, Versions, self._versions, paged)
        difference = "The difference of two versions, in words."
        query = (_FIRST, _SECOND, _LANGUAGE)
        yield one("/{plan}/difference", "compareVersions", difference, Difference, self._difference, query)
        changes = "The changes that participants want or, where others hold the plan, that we have asked for."
        yield one("/{plan}/changes", "listChanges", changes, Changes, self._changes)
        log = "Who was sent or read what, when, and on the ground of which consents. It may be shown to the person."
        yield one("/{plan}/access-log", "readAccessLog", log, AccessLog, self._access_log, paged)
        yield one("/{plan}/evidence", "listPlanEvidence", "Every step of a plan.", PlanSteps, self._evidence, paged)

    def _door(
        self,
        path: str,
        name: str,
        about: str,
        gives: type[Value],
        shows: Callable[[Asked], Shown],
        query: tuple[Query, ...] = (),
        also: tuple[int, ...] = (),
    ) -> Door:
        also = (404, *also)
        return Door("GET", f"/own/plans{path}", name, about, PLANS, values(gives), shows, query=query, also=also)

    def shown(self, plan_id: str) -> Shown:
        """A plan with all that is shared of it, and the version of its content."""
        stored = self._store().shared_plan(plan_id)
        if stored is None:
            raise InvalidInput.at("plan", "there is no such plan here", "not-found")
        return Shown(SharingState.of(stored.plan), stored.plan.content_version)

    # --- lists

    def _list(self, asked: Asked) -> Shown:
        after, side = place_of(asked), asked.query["side"]
        found = self._store().plans(
            PlanSide(side) if side is not None else None, asked.query["limit"] + 1, after[0] if after else None
        )
        page, following = next_page(asked, found, lambda plan: [plan.id])
        return Shown(PlanPage(items=tuple(map(_summary, page)), next=following))

    def _about(self, asked: Asked) -> Shown:
        return Shown(PlanPage(items=tuple(map(_summary, self.exchange.plan_of(asked.body.person)))))

    # --- one plan

    def _content(self, asked: Asked) -> Shown:
        plan, version = self._held(asked), asked.query["version"]
        found = plan if version is None else self._at(plan.id, version)
        self.exchange.note_read(found.id, found.version, asked.who, "read" if version is None else "vread")
        return Shown(found)

    def _views(self, asked: Asked) -> Shown:
        today = local_day(self.exchange.now())
        views = (copy.view for copy in self._plan(asked).copies)
        held = [v for v in views if v is not None and (v.holds_until is None or v.holds_until >= today)]
        self._note_views(asked, held)
        return Shown(Views(items=tuple(held)))

    def _seen(self, asked: Asked) -> Shown:
        found = self.exchange.seen_as(self._plan(asked), asked.path["who"])
        if found.plan is not None:
            self.exchange.note_read(found.plan.id, found.plan.version, asked.who)
        self._note_views(asked, found.views)
        return Shown(SeenPlan(plan=found.plan, views=found.views, is_shared=found.is_shared))

    def _note_views(self, asked: Asked, views: Iterable[PlanView]) -> None:
        """Record that the views are about to be shown: each read of a plan is in its log of access."""
        for view in views:
            self.exchange.note_read(asked.path["plan"], view.number, asked.who, "view")

    def _versions(self, asked: Asked) -> Shown:
        after = place_of(asked)
        found = self._store().plan_versions(
            self._held(asked).id, asked.query["limit"] + 1, after[0] if after is not None else None
        )
        page, following = next_page(asked, found, lambda one: [one.version])
        return Shown(Versions(items=tuple(map(Version.of, page)), next=following))

    def _difference(self, asked: Asked) -> Shown:
        newest = self._held(asked)
        second = asked.query["to"] or newest.version
        first = asked.query["from"] or max(second - 1, 1)
        lines = plan_difference(self._at(newest.id, first), self._at(newest.id, second), asked.query["lang"])
        self.exchange.note_read(newest.id, second, asked.who, "history")
        return Shown(Difference(items=tuple(lines)))

    def _changes(self, asked: Asked) -> Shown:
        plan = self._plan(asked)
        if plan.changes:
            self.exchange.note_read(plan.id, plan.plan.version if plan.plan is not None else 0, asked.who, "history")
        return Shown(Changes(items=plan.changes))

    def _preview(self, asked: Asked) -> Shown:
        plan_id, plan = asked.path["plan"], asked.body.plan
        if plan is not None and plan.id != plan_id:
            raise InvalidInput.at("plan.id", "is not that of the address", "invariant")
        found = self.exchange.forecast(plan_id, plan)
        self.exchange.note_read(plan_id, found.plan.version, asked.who)
        return Shown(Previews(on=found.on, items=tuple(map(Preview.of, found.shares)), on_paper=found.on_paper))

    def _evidence(self, asked: Asked) -> Shown:
        after = place_of(asked)
        links = self._store().records(Aggregate.of_plan(self._plan(asked).id))
        rest = [link for link in links if after is None or link.number > after[0]]
        page, following = next_page(asked, rest, lambda link: [link.number])
        return Shown(PlanSteps(items=tuple(read(PlanRecord, link.record) for link in page), next=following))

    def _access_log(self, asked: Asked) -> Shown:
        plan, store = self._plan(asked), self._store()
        self._held(asked)
        about = Aggregate.of_plan(plan.id)
        records = [read(PlanRecord, link.record) for link in store.records(about)]
        readings = store.readings(about, _MOST_READINGS) if keeps_readings(store) else []
        names = {party: _label(party, one.name) for party, one in self.exchange.parties().items()}
        asked_for: list[Any] = [*plan.shares, *plan.invitations, *([plan.handover] if plan.handover else [])]
        whom = {one.id: names.get(one.party, one.party) for one in asked_for}
        entries = access_entries(records, readings, whom, names)
        after = place_of(asked)
        start = after[0] if after is not None else 0
        page, following = next_page(asked, list(enumerate(entries, 1))[start:], lambda numbered: [numbered[0]])
        return Shown(AccessLog(items=tuple(AccessLine.of(entry) for _, entry in page), next=following))

    # --- what is stored

    def _plan(self, asked: Asked) -> SharedPlan:
        return self.exchange.plan(asked.path["plan"])

    def _held(self, asked: Asked) -> IndividualPlan:
        plan = self._plan(asked)
        if plan.plan is None:
            reason = f"{plan.holder or 'another side'} holds it: `views` has what it shares with us"
            raise InvalidInput.at("plan", reason, "business-rule")
        return plan.plan

    def _at(self, plan_id: str, version: int) -> IndividualPlan:
        found = self._store().plan_version(plan_id, version)
        if found is None:
            raise InvalidInput.at("version", f"{version} is not here: there was none, or it was purged", "not-found")
        return found.plan

    def _store(self) -> PlanStore:
        store = self.exchange.store
        if not keeps_plans(store):
            raise InvalidInput.at("store", "keeps loops only, and no plans", "not-supported")
        return store


def _summary(plan: SharedPlan) -> PlanSummary:
    return PlanSummary.model_validate(PlanSummary.facts(plan))


def _label(party: str, name: str) -> str:
    """Returns a party as people know it: by its enterprise's name, with a peer's name in the settings."""
    return name if party in (OURS, name) else f"{name} ({party})"
