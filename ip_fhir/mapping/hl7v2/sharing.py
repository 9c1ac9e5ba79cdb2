"""Messages about a shared plan as the value of a PPG of HL7 v2, and back.

Invitations, handovers and questions for a plan are no messages of HL7 v2: people say them in words. Whatever machines
send by themselves goes over it, so that nothing waits for a person who does not know of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import CONTENT, PlanMessage
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, NotTaken, Problem
from ip_fhir.hl7v2.acknowledgement import control_id
from ip_fhir.mapping.dialects.hl7v2.conditions import NULL
from ip_fhir.mapping.dialects.hl7v2.context import OSLO, Context, written
from ip_fhir.mapping.hl7v2.parties import check_facility, is_role_gone, token_of, with_roles
from ip_fhir.mapping.hl7v2.pathway import (
    MAIN,
    TABLES,
    Data,
    acted,
    pathway_of,
    person_of,
    plan_data,
    roles_in,
    takes_away,
    with_left,
    with_numbers,
)
from ip_fhir.mapping.hl7v2.unread import Places
from ip_fhir.mapping.hl7v2.writing import nobody, refuse_null
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import tzinfo

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.hl7v2.pathway import Action
    from ip_fhir.mapping.lenses.nodes import Path

_HEADER: Final = "V2PlanMessage"
_STRUCTURE: Final = "PPG_PCG"
_EVENTS: Final[dict[str, Action]] = {"PCG": "AD", "PCH": "UP", "PCJ": "DE"}
_FIRST_VIEW: Final = "PCG"
_HEADER_FIELDS: Final = ("sent", "answers", "epoch", "text")


@dataclass(frozen=True, slots=True)
class PathwayContent:
    """The content of a kind of message: its table, the event that it is sent as, and the field that is a plan.

    `ident` is the field with the id in PTH-3, and `side` the one that sends it.
    """

    table: str
    trigger: str
    plan: str = ""
    side: Literal["holder", "participant"] = "holder"
    ident: str = "share"

    @property
    def triggers(self) -> tuple[str, ...]:
        """The events that it is sent as: a share's first view by another one."""
        return (_FIRST_VIEW, self.trigger) if self.plan == "plan" else (self.trigger,)


CARRIED: Final = {
    PlanMessageKind.PLAN: PathwayContent("V2PlanView", "PCH", "plan"),
    PlanMessageKind.PLAN_WITHDRAWN: PathwayContent("V2PlanWithdrawal", "PCJ"),
    PlanMessageKind.PLAN_CHANGE: PathwayContent("V2PlanChange", "PCH", "wanted", "participant"),
    PlanMessageKind.PLAN_CHANGE_ANSWER: PathwayContent("V2PlanAnswer", "PCH"),
    PlanMessageKind.PLAN_STATE_REQUEST: PathwayContent("V2PlanState", "PCH"),
    PlanMessageKind.PLAN_STATE: PathwayContent("V2PlanState", "PCH", side="participant"),
    PlanMessageKind.PLAN_GONE: PathwayContent("V2PlanGone", "PCH", ident="plan"),
    PlanMessageKind.INVITATION_ANSWER: PathwayContent("V2PlanReply", "PCH", side="participant", ident="about"),
    PlanMessageKind.HANDOVER_ANSWER: PathwayContent("V2PlanReply", "PCH", side="participant", ident="about"),
}
"""The kinds that HL7 v2 carries. A share's first view is sent as PCG."""

_TAKES_AWAY: Final = (
    "takes away, which is taken only from a change that says it is whole (NTE change-whole Y): there, what it lacks is "
    "taken out; an item is ended by its status"
)

IN_WORDS: Final = "is not sent over HL7 v2: a person must say it to the other side in words"


def plan_message_to_hl7v2(
    message: PlanMessage, compiled: Compiled, released: Collection[LocatingPart] = ()
) -> dict[str, Any]:
    """The message as the value of a PPG.

    What leads to a person with a protected address is left out, but for the parts in `released`. Raises `InvalidInput`
    for a kind that HL7 v2 does not carry, and for what it cannot say.
    """
    carried = CARRIED.get(message.kind)
    if carried is None:
        raise InvalidInput.at("kind", IN_WORDS, "not-supported")
    content = getattr(message, CONTENT[message.kind])
    trigger = _FIRST_VIEW if message.view is not None and message.view.number == 1 else carried.trigger
    plan = withheld(getattr(content, carried.plan), released) if carried.plan else None
    ident = getattr(content, carried.ident)
    pathway = _pathway(message, plan, ident, compiled, _EVENTS[trigger])
    lens = compiled.lens(carried.table)
    beside = with_left(pathway, message.left, message.sent)
    pathway = lens.put_new(_said(data_of(content), carried), pathway, Context())
    value = compiled.lens(_HEADER).put_new(
        {**_header_data(message, trigger), "left_beside": beside}, {"PATHWAY": [pathway]}, Context()
    )
    (pathway,) = value["PATHWAY"]
    pathway["NTE"] = with_numbers([{k: v for k, v in note.items() if k != "f1"} for note in pathway["NTE"]])
    value["PID"] = nobody(ident) if plan is None else person_of(data_of(plan)["owner"], compiled)
    refuse_null(value)
    return value


def _pathway(message: PlanMessage, plan: IndividualPlan | None, ident: str, compiled: Compiled, action: Action) -> Data:
    """The pathway that the message is about, by this id in PTH-3: that of the share, where it is about one."""
    if plan is None:
        return {"PTH": {**acted(action), "f3": [{"c1": ident}], "f4": [{"c1": written(message.sent)}]}}
    data = data_of(plan)
    return pathway_of({**data, "id": ident, "plan_said": data["id"]}, compiled, action, message.sent)


def _said(data: Data, carried: PathwayContent) -> Data:
    """The part of a content that its own table writes: all but the plan, and what is not on HL7 v2."""
    made = {name: value for name, value in data.items() if name not in (carried.plan, "kept", "by", "holder")}
    if "openings" in made:
        made["openings"] = [{**one, **({} if "area" in one else {"general": True})} for one in made["openings"]]
    return made


def _header_data(message: PlanMessage, trigger: str) -> Data:
    data = data_of(message.model_copy(update={CONTENT[message.kind]: None, "kept": (), "numbers": (), "left": ()}))
    short = control_id(message.id)
    parties = [{**data[side], "of": side} for side in _SIDES]
    parties += [] if message.gone is None else [{**data_of(message.gone.holder), "of": "holder"}]
    rest = {name: value for name, value in data.items() if name not in ("id", "sender", "recipient")}
    return {
        **rest,
        **({} if short == message.id else {"id": message.id}),
        "control_id": short,
        "message_code": "PPG",
        "trigger": trigger,
        "structure": _STRUCTURE,
        "parties": parties,
        "sender_facility": token_of(data["sender"]),
        "recipient_facility": token_of(data["recipient"]),
    }


def is_about_plan(value: dict[str, Any]) -> bool:
    """True for the value of a PPG."""
    return bool(((value.get("MSH") or {}).get("f9") or [{}])[0].get("c1") == "PPG")


def plan_message_from_hl7v2(
    value: dict[str, Any], compiled: Compiled, zone: tzinfo = OSLO, *, whole: bool = False
) -> PlanMessage:
    """Read the message about a shared plan in the value of a PPG. `zone` is the sender's, for times without an offset.

    With `whole` the sender's changes always have all that is left: each is read as one that says so. Raises
    `InvalidInput` with every problem, by the place (`NTE[share]-3`), also for a change that takes something away
    and does not say that it is whole: absence says nothing there; and `NotTaken` for a pathway that says
    nothing of a share: it is another system's plan, which a person must look at.
    """
    if not is_about_plan(value):
        raise InvalidInput.at("MSH-9", "is no PPG", "not-supported")
    context = Context.of_message(value, zone)
    header = compiled.get(_HEADER, value, context, _STRUCTURE)
    if "kind" not in header:
        raise NotTaken.at("NTE[message-kind]-3", "is not there: no share, and a person must look", "not-supported")
    kind = PlanMessageKind(header["kind"])
    carried = CARRIED.get(kind)
    if carried is None:
        raise InvalidInput.at("NTE[message-kind]-3", IN_WORDS, "not-supported")
    content = compiled.get(carried.table, _one_pathway(value), context, "PATHWAY")
    if kind is PlanMessageKind.PLAN_CHANGE:
        content["whole"] = whole or content.get("whole", False)
        if not content["whole"]:
            _refuse_taking_away(value)
    for opening in content.get("openings", ()):
        opening.pop("general", None)
    if carried.plan:
        content |= _plan(value, compiled, context, carried, header.get("sent"))
    if kind is PlanMessageKind.PLAN_GONE:
        content["holder"] = _party(header, "holder")
    data = {**_header_read(header), "kind": kind, CONTENT[kind]: content}
    try:
        return read(PlanMessage, {**data, **_parties(header, value["MSH"])})
    except InvalidInput as error:
        raise InvalidInput(_placed(problem, value, carried, compiled) for problem in error.problems) from None


def _header_read(header: Data) -> Data:
    """The fields of the message that its header says, but for kind and parties."""
    said: Data = {name: header[name] for name in _HEADER_FIELDS if name in header}
    return {**said, "id": header.get("id") or header["control_id"]}


def _plan(value: Data, compiled: Compiled, context: Context, carried: PathwayContent, sent: str | None) -> Data:
    """The plan in the value of a message, with its roles; of a change also what is said to be unchanged, by its id.

    A change whose roles no row gives a team is about the team of the view. When the plan was begun is no wish, and the
    holder knows it: where no row says it, there stands when the change was sent.
    """
    of_known = carried.side == "participant"
    data, unchanged = plan_data(value, compiled, context, of_known=of_known)
    told, roles = with_roles(data, roles_in(value), compiled, context)
    if not of_known:
        return {carried.plan: told}
    told = {"created": sent, **told}
    is_unnamed = "team" in told and "team" not in data
    return {carried.plan: told, "unchanged": sorted(unchanged | roles), "team_unnamed": is_unnamed}


def _refuse_taking_away(value: Data) -> None:
    """Raise `InvalidInput` for each place of a change with HL7's null, and for each action code that takes away."""
    said = {"PID": value.get("PID"), "PATHWAY": _one_pathway(value)}
    place = Places(said)
    places = [place.of(path) for path in _taking_away(said, (), None)]
    if places:
        raise InvalidInput(Problem(place, _TAKES_AWAY, "not-supported") for place in places)


def _taking_away(node: Any, path: Path, kind: str | None) -> Iterator[Path]:
    """Yields the path of each null, and of each action code that takes away; `kind` is that of the node's group."""
    if type(node) is dict:
        if kind is not None and takes_away(kind, node):
            yield (*path, MAIN[kind], "f1")
        if path[-1:] == ("ROL",) and is_role_gone({"ROL": node}):
            yield (*path, "f2")
        for name, child in node.items():
            group = name if name in TABLES and type(child) is dict else None
            yield from _taking_away(child, (*path, name), group)
    elif type(node) is list:
        group = str(path[-1]) if path and path[-1] in TABLES else None
        for number, item in enumerate(node):
            yield from _taking_away(item, (*path, number), group)
    elif node == NULL:
        yield path


def _one_pathway(value: dict[str, Any]) -> Data:
    pathways: list[Data] = value.get("PATHWAY") or []
    if len(pathways) != 1:
        raise InvalidInput.at("PTH", "is not there exactly once: a message is about one share", "required")
    return pathways[0]


_SIDES: Final = {"sender": "MSH-4", "recipient": "MSH-6"}


def _parties(header: Data, msh: Data) -> Data:
    """The sender and the recipient. Raises `InvalidInput` where MSH names another facility."""
    found = {side: _party(header, side) for side in _SIDES}
    for side, place in _SIDES.items():
        check_facility(found[side], header.get(f"{side}_facility"), msh, place)
    return found


def _party(header: Data, of: str) -> Data:
    """The party that a group of rows names. Raises `InvalidInput` where none does."""
    found = next((party for party in reversed(header.get("parties", ())) if party["of"] == of), None)
    if found is None:
        raise InvalidInput.at("NTE[party]-3", f"names no {of}", "required")
    return {name: value for name, value in found.items() if name != "of"}


_ITEMS: Final = {"goals": "GOL", "needs": "PRB", "measures": "ORC"}


def _placed(problem: Problem, value: dict[str, Any], carried: PathwayContent, compiled: Compiled) -> Problem:
    """The problem of a field of the message, at its place in PPG."""
    first, _, rest = problem.path.partition(".")
    if first not in CONTENT.values():
        return replace(problem, path=compiled.lens(_HEADER).where(problem.path, value) or _STRUCTURE)
    field, _, below = rest.partition(".")
    table, path = ("V2Pathway", below) if field == carried.plan else (carried.table, rest)
    item = path.split(".")[0]
    if table == "V2Pathway" and item == "owner":
        return replace(problem, path=compiled.lens("V2Owner").where(path.partition(".")[2], value.get("PID")) or "PID")
    if table == "V2Pathway" and item in _ITEMS:
        return replace(problem, path=_ITEMS[item])
    return replace(problem, path=compiled.lens(table).where(path, _one_pathway(value)) or "PTH")
