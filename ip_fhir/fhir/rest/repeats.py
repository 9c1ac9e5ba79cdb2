"""The next step after an interaction has failed: by the interaction and by the error."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import Conflict, Unavailable
from ip_fhir.fhir.rest.interaction import Repeat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.errors import PeerError
    from ip_fhir.fhir.rest.bundles import EntryResult
    from ip_fhir.fhir.rest.interaction import Interaction


class NextStep(StrEnum):
    """The step that helps after an error."""

    AGAIN = "again"  # send the same again, after a while
    LOOK_UP = "look-up"  # it may have taken effect: look before it is sent again
    READ_AGAIN = "read-again"  # it was made from an old version: read, decide, make it anew
    GIVE_UP = "give-up"  # the same gives the same answer


def next_step(interaction: Interaction[Any], error: PeerError) -> NextStep:
    """Returns the step after this error.

    What certainly took no effect may always be sent again; what may have, only if repeating it is safe.
    """
    if isinstance(error, Conflict):
        return NextStep.READ_AGAIN
    if not isinstance(error, Unavailable):
        return NextStep.GIVE_UP
    return NextStep.LOOK_UP if error.in_doubt and interaction.repeat is Repeat.LOOK_UP else NextStep.AGAIN


def to_be_repeated(results: Sequence[EntryResult]) -> tuple[int, ...]:
    """Returns the numbers of the entries of a batch that may be sent again: those that ask to come again."""
    return tuple(n for n, result in enumerate(results) if isinstance(result.error, Unavailable))
