"""The views that were read last: who reads a view resource by resource has it made once.

Nothing is believed: a view is taken only for the very plan and share, and the day, that it was made of.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.ports import ResourceVersion

_MOST: Final = 64  # of a hundred resources each they take some 20 MB


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as a party is shown it: the id of its plan, the share, the view's number, and its resources.

    The CarePlan is the last of them. `number` may be lower than that of the share.
    """

    plan_id: str
    share: Share
    number: int
    resources: tuple[ResourceVersion, ...]


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
