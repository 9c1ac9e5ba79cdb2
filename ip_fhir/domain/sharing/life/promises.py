"""The promises of sharing: eleven numbered statements, held also by crossed and late messages and days that turn.

A test of a promise is marked with its number; `docs/sharing.md` lists promises and tests side by side, and a promise
without a test fails the test run.
"""

from __future__ import annotations

from typing import Final

from ip_fhir.domain.loop.promises import Promise

PROMISES: Final[tuple[Promise, ...]] = (
    Promise(1, "In the end each participant's copy equals the view of that day, and no other side gives one out."),
    Promise(
        2,
        "What is withheld leaves no trace: by property test over plans that are alike for a participant, "
        "with a canary in every withheld field.",
    ),
    Promise(
        3,
        "A change is decided against the view it was made on, has its effect once and is answered; none "
        "is lost, none applied twice.",
    ),
    Promise(
        4,
        "Two participants and the holder change different fields at once, of items that all of them "
        "still see, none bound to another's by a rule: all three stand, in whatever order messages "
        "arrive.",
    ),
    Promise(
        5,
        "Consent withdrawn between deciding and sending, wholly or in part: what was closed is not sent; "
        "the withdrawal is.",
    ),
    Promise(6, "A holder that restores a backup gives a participant nothing before it knows what that one holds."),
    Promise(
        7,
        "A participant that sends a whole bundle back changes the difference to what it was sent, and "
        "cannot remove what it never saw.",
    ),
    Promise(8, "An invitation does not make anybody a member; silence does not either."),
    Promise(9, "Two holders for one plan cannot be: of two handovers one wins, the other is told."),
    Promise(10, "Ten participants, forty measures, one measure changed: only views that it stands in are rendered."),
    Promise(11, "Nothing waits unseen: what one side asks of the other is answered, asked again, or told."),
)
"""All promises of sharing, in order of their numbers."""
