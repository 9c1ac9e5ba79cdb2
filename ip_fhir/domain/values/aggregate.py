"""The aggregate, which is stored and changed as a whole: a referral or a plan. Other rows name it by kind and id.

A recipient of what our own people are told is none, but has outbox rows of its own, by the same two names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pydantic import Field

from ip_fhir.domain.values.value import Id, Value

REFERRAL: Final = "referral"
"""The kind of a referral, whose id is the correlation id of the loop."""

PLAN: Final = "plan"
"""The kind of an individual plan, whose id is that of the plan."""

SUBSCRIPTION: Final = "subscription"
"""The kind of a client's subscription, of which rows for our own people and worklist items may be."""

ACKNOWLEDGED: Final = "acknowledged"
"""The kind of a party's message whose acknowledgement goes out by itself, and has rows of the outbox and nothing else.

Its id is derived from the party and the message: whatever becomes of loop or plan, the party gets its acknowledgement.
"""

RECIPIENT: Final = "recipient"
"""The kind of whoever of our own people is told, by the key that settings give: rows to it stay in order."""


TOLD: Final = "told"
"""The kind of a recipient, by the same key, of which a worklist item is: it could not be told of something."""


class Aggregate(Value):
    """One referral or one plan. Ids are unique within a kind: a plan may have the id of a referral.

    >>> Aggregate(kind=PLAN, id="p-1")
    Aggregate(id='p-1', kind='plan')
    """

    kind: Id = Field(description="Kind of what the id is of, such as referral or plan.")
    id: Id = Field(description="Id within the kind.")

    @classmethod
    def of_referral(cls, correlation_id: str) -> Aggregate:
        """Returns the aggregate of the referral with this correlation id."""
        return _known(REFERRAL, correlation_id)

    @classmethod
    def of_plan(cls, plan_id: str) -> Aggregate:
        """Returns the aggregate of the plan with this id."""
        return _known(PLAN, plan_id)


@lru_cache(maxsize=256)  # one transaction asks several times for the same
def _known(kind: str, ident: str) -> Aggregate:
    return Aggregate(kind=kind, id=ident)
