"""The views that were read last: who reads a view resource by resource has it made once.

Nothing is believed: a view is taken only for the very plan and share, and the day, that it was made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.fhir.json_text import loads
from ip_fhir.mapping.generated.structs import collection
from ip_fhir.ports import ResourceVersion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.mapping.sharing.resources import WrittenResource
    from ip_fhir.ports import JsonObject

_MOST: Final = 64  # of a hundred resources each they take some 20 MB


@dataclass(frozen=True)
class Shown:
    """A view as a party is shown it, and the whole of it as a collection Bundle, for the endpoint at `url`.

    Its version is the number of the view, which may be lower than that of the share, and `updated` the start of the
    view's first day. The CarePlan is the last of the resources.
    """

    url: str
    plan_id: str
    share: Share
    version: int
    updated: datetime
    resources: tuple[WrittenResource, ...] = field(repr=False)

    def data_of(self, one: WrittenResource) -> ResourceVersion:
        """Return one of the resources as data."""
        return self._version(one.type, one.id, one.version, one.data())

    @property
    def whole(self) -> ResourceVersion:
        """The view in the log of reads: without content."""
        return self._version("CarePlan", self.plan_id, self.version, {})

    def _version(self, type_: str, ident: str, version: int, body: JsonObject) -> ResourceVersion:
        return ResourceVersion(type_, ident, version, body, self.updated, self.plan_id, aggregate_kind=PLAN)

    @cached_property
    def text(self) -> bytes:
        """The Bundle as UTF-8 JSON text."""
        return collection([(f"{one.type}/{one.id}", one.ready()) for one in self.resources], f"{self.url}/")

    @property
    def body(self) -> JsonObject:
        """The Bundle as data."""
        found: JsonObject = loads(self.text)
        return found


class KnownViews:
    """Remembers up to `most` views, one for each share. Threads may share it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._views: OrderedDict[str, tuple[tuple[Any, ...], Shown | None]] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, plan: IndividualPlan, share: Share, day: date, make: Callable[[], Shown | None]) -> Shown | None:
        """Return the view of a share on a Norwegian day, as `make` made it of this plan; None where it makes none."""
        with self._turn:
            known = self._views.get(share.id)
        if known is not None and known[0][0] is plan and known[0][1] is share and known[0][2] == day:
            return known[1]
        made = make()
        with self._turn:
            self._views[share.id] = (plan, share, day), made
            self._views.move_to_end(share.id)
            while len(self._views) > self._most:
                self._views.popitem(last=False)
        return made
