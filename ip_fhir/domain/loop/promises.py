"""The promises of the loop: eighteen numbered statements that hold also after crashes and for crossed or late messages.

A test of a promise is marked with its number; `docs/loop.md` lists promises and tests side by side, and a promise
without a test fails the test run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its number and its text."""

    number: int
    text: str


PROMISES: tuple[Promise, ...] = (
    Promise(
        1,
        "A message accepted for sending is sent at least once; its effect at the receiver happens once. Same key "
        "+ same content = same receipt again, nothing else. Same key + other content = error.",
    ),
    Promise(
        2,
        "After a crash at any point, run again: no event lost, none doubled, no acknowledgement given for what "
        "was not stored.",
    ),
    Promise(
        3,
        "Events of one referral are applied in order; late, early and repeated ones are decided by rule, logged, "
        "and never crash the loop.",
    ),
    Promise(
        4,
        "Two workers never send the same outbox row at the same time; a dead worker's lease runs out and another "
        "takes over.",
    ),
    Promise(5, "`accepted` without a coordinator keeps the answer clock running."),
    Promise(6, "A form after an escalation closes the escalation and tells everyone who was told."),
    Promise(
        7,
        "A form after `cancelled`/`withdrawn`: kept, marked late, not acted on; sender told by a polite "
        "fatal-error receipt.",
    ),
    Promise(
        8,
        "A second form: same coordinator -> nothing; another coordinator from a later date -> replacement; "
        "contradictory (same date, other person) -> a person must decide; both kept.",
    ),
    Promise(
        9,
        "Coordinator leaves: `vacant`, the answer clock starts anew, a new Task; CareTeam period of the old one "
        "ends, is not deleted; they may come back (a new membership period).",
    ),
    Promise(
        10,
        "Two coordinators at once is legal where the agreement says so; otherwise the newer ends the older.",
    ),
    Promise(
        11,
        "Consent is asked **twice**: when the effect is decided and again when the outbox row is sent. Withdrawn "
        "in between = not sent, row closed with the reason.",
    ),
    Promise(
        12,
        "Consent withdrawn midway: nothing more goes out but the withdrawal itself; open Task cancelled or abort "
        "asked, by state; receiver told; the trace kept.",
    ),
    Promise(
        13,
        "Consent may cover the municipality but not the named person, some life areas but not others, a period, a "
        "representative's word; two consents that disagree at the same time: refuse.",
    ),
    Promise(
        14,
        "One correlation id is found from any of: FHIR ServiceRequest/Task identifier, MessageHeader, HL7 v2 "
        "RF1-6/RF1-11 + MSH-10/MSA-2, KITH MsgId / RefToConversation / DokIdNotat. A loop may start on one wire "
        "and be answered on another.",
    ),
    Promise(
        15,
        "Person moved or died, wrong recipient, municipality merged: forward or close with reason; no reminder "
        "goes to anyone about a dead person.",
    ),
    Promise(
        16,
        "Every step leaves evidence: who, what, when, why, which message, which consent; each record carries the "
        "hash of the one before; `ip-fhir verify` finds a changed one. It exports as Provenance/AuditEvent.",
    ),
    Promise(
        17,
        "Notice kinds: plan, coordinator, both, child coordinator (barnekoordinator); coordinator without a plan "
        "is normal; consent to the plan is not needed for a notice that asks only for a coordinator where the law "
        "gives the duty — the legal basis is a field, and the gate asks for consent or basis.",
    ),
    Promise(
        18,
        "Nobody outside receives more than the agreement's content level: notice header only / notice with needs "
        "/ whole plan.",
    ),
)
"""All promises, in order of their numbers."""
