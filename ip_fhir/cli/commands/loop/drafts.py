"""`green-form new`, `notice new`: a file with all that is known already, to be filled in."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.exchange import Correlation
from ip_fhir.cli.options import Config

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.domain.green_form import FormDecision
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.settings import PeerSettings, Settings


class Decision(StrEnum):
    """The decisions of a green form."""

    APPOINTED = "appointed"
    DECLINED = "declined"
    REJECTED = "rejected"
    FORWARDED = "forwarded"


Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="The file to write; by default stdout.", show_default=False)
]


def green_form_new(
    correlation_id: Correlation,
    config: Config,
    decision: Annotated[Decision, typer.Option("--decision", help="What the form says.")] = Decision.APPOINTED,
    out: Out = None,
) -> None:
    """Write a green form to fill in.

    Ids, the loop, the unit that answers and the time are there; FILL IN stands where something is missing, and
    `ip-fhir check` names each such place. A file that is there is not written over.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.green_form import FormDecision
    from ip_fhir.errors import InvalidInput

    with opened(config, in_loop=True) as exchange:
        stored, now = exchange.store.referral(correlation_id), exchange.now()
    if stored is None:
        raise InvalidInput.at(correlation_id, "the store has no such referral", "not-found")
    _write(_form(stored.referral.notice, FormDecision(decision.value), now), out)


def notice_new(
    config: Config,
    to: Annotated[
        str | None, typer.Option("--to", metavar="PEER", help="The peer it is for, if there are several.")
    ] = None,
    out: Out = None,
) -> None:
    """Write a notice to fill in.

    Ids, both parties, the agreement's legal basis and the time are there; FILL IN stands where something is missing,
    and `ip-fhir check` names each such place. Take out what is not needed. A file that is there is not written over.
    """
    from ip_fhir.cli.opening import clock_of, read_config

    settings = read_config(config)
    _write(_notice(settings, _peer(settings, to), clock_of(settings).now()), out)


def _write(data: dict[str, Any], out: Path | None) -> None:
    """Write the draft, readable by its owner alone: it will be about a person."""
    import orjson

    from ip_fhir.cli.commands.operation.init import write_new
    from ip_fhir.cli.output import emit_bytes

    text = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    emit_bytes(text) if out is None else write_new(out, text.decode())


def _fill(words: str) -> str:
    from ip_fhir.settings.unfilled import FILL_IN

    return f"{FILL_IN}: {words}"


def _one_of(codes: Iterable[StrEnum]) -> str:
    return _fill(" or ".join(codes))


def _professional(ident: str, organization: str) -> dict[str, Any]:
    return {
        "id": ident,
        "name": {"family": _fill("family name"), "given": _fill("given name")},
        "organization": organization,
        "title": _fill("title or position"),
        "contacts": [{"system": "phone", "value": _fill("phone number")}],
    }


# --- the green form


def _form(notice: Notice, decision: FormDecision, now: datetime) -> dict[str, Any]:
    """The form of the unit that has the notice. Its organisation, and those above it, are as in the notice."""
    from ip_fhir.model import new_id

    unit = notice.organization(notice.recipient)
    return {
        "id": new_id(),
        "answers": notice.correlation_id,
        "authored": now.isoformat(timespec="seconds"),
        "sender": unit.id,
        "decision": str(decision),
        "organizations": [one.to_data() for one in notice.with_those_above(unit.id)],
        **_content(notice, decision, unit),
    }


def _content(notice: Notice, decision: FormDecision, unit: Organization) -> dict[str, Any]:
    from ip_fhir.domain.green_form import Declined, FormDecision, RejectionReason
    from ip_fhir.domain.values.terms import LegalBasis

    if decision is FormDecision.APPOINTED:
        return _appointment(notice, unit)
    if decision is FormDecision.DECLINED:
        asked = notice.kind.asks_for_plan, notice.kind.asks_for_coordinator
        known = {(True, False): Declined.PLAN, (False, True): Declined.COORDINATOR}.get(asked)
        return {"declined": known or _one_of(Declined), "declined_on": _fill("day, as 2026-03-02")}
    if decision is FormDecision.FORWARDED:
        return {"forwarded_to": _fill("id of the organisation, which is to stand among organizations")}
    return {
        "rejection": {
            "reason": _one_of(RejectionReason),
            "text": _fill("reason in words"),
            "legal_basis": _one_of(LegalBasis),
            "told_of_right_to_complain": _fill("true, when the person has been told"),
            "complaint_to": _fill("who a complaint goes to"),
        }
    }


def _appointment(notice: Notice, unit: Organization) -> dict[str, Any]:
    from ip_fhir.domain.green_form import PlanState
    from ip_fhir.domain.notice import NoticeKind
    from ip_fhir.domain.team import CoordinatorKind
    from ip_fhir.model import new_id

    holder = new_id()
    child = notice.kind is NoticeKind.CHILD_COORDINATOR
    coordinator: dict[str, Any] = {
        "id": new_id(),
        "kind": str(CoordinatorKind.CHILD if child else CoordinatorKind.MUNICIPAL),
        "holder": holder,
        "period": {"start": _fill("first day, as 2026-03-02")},
        "appointed_by": unit.id,
    }
    if notice.wished_coordinator is not None:
        coordinator |= {
            "wish_honoured": _fill("true or false"),
            "wish_reason": _fill("why not; take the line out if it is honoured"),
        }
    return {
        "professionals": [_professional(holder, unit.id)],
        "coordinators": [coordinator],
        "plan_state": _one_of(PlanState) if notice.kind.asks_for_plan else str(PlanState.NOT_ASKED_FOR),
    }


# --- the notice


def _peer(settings: Settings, name: str | None) -> PeerSettings:
    from ip_fhir.errors import InvalidInput

    found = [peer for peer in settings.peers if name in (None, peer.name)]
    if len(found) != 1:
        known = ", ".join(peer.name for peer in settings.peers) or "none in the settings"
        raise InvalidInput.at("--to", f"name the one peer that it is for: {known}", "required")
    return found[0]


def _notice(settings: Settings, peer: PeerSettings, now: datetime) -> dict[str, Any]:
    from ip_fhir.domain.agreement import find_agreement
    from ip_fhir.domain.notice import NoticeKind
    from ip_fhir.domain.referral import Role, role_in_loop
    from ip_fhir.errors import LoopError
    from ip_fhir.model import new_id

    if role_in_loop(settings.role) is not Role.HOSPITAL:
        raise LoopError("a hospital opens a loop by sending a notice, and a municipality by receiving it")
    ours, theirs = settings.organization, peer.organization
    if theirs.id == ours.id:
        theirs = theirs.evolve(id=new_id())
    author = new_id()
    basis = find_agreement(settings.agreements, ours, peer.organization).legal_basis
    return {
        "id": new_id(),
        "correlation_id": new_id(),
        "kind": _one_of(NoticeKind),
        "authored": now.isoformat(timespec="seconds"),
        "owner": {
            "id": new_id(),
            "name": {"family": _fill("family name"), "given": _fill("given name")},
            "identifier": _fill("birth number or D-number"),
            "birth_date": _fill("day of birth, as 1950-03-02"),
        },
        "sender": ours.id,
        "recipient": theirs.id,
        "author": author,
        **({"legal_basis": [str(one) for one in basis]} if basis else {}),
        "organizations": [ours.to_data(), theirs.to_data()],
        "professionals": [_professional(author, ours.id)],
        "consents": [{"id": new_id(), "kind": "notice", "given_on": _fill("day of the consent, as 2026-03-02")}],
        "needs": [{"id": new_id(), "text": _fill("a need, in words")}],
        "reason": _fill("why, in words"),
    }
