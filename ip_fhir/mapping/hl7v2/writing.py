"""A message of the domain as the value of a message of HL7 v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.message import MessageKind
from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.acknowledgement import control_id
from ip_fhir.mapping.dialects.hl7v2.conditions import NULL
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.places import joined
from ip_fhir.mapping.hl7v2.echoes import day_of, spread
from ip_fhir.mapping.hl7v2.events import STRUCTURES, TABLES, sent_as
from ip_fhir.mapping.hl7v2.parties import token_of
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.hl7v2.events import Sent

_FORMS: Final = {
    MessageKind.NOTICE: ("ip-notice", "Melding om behov"),
    MessageKind.GREEN_FORM: ("ip-green-form", "Grønt skjema"),
}
_OTHER: Final = ("ip-message", "Melding")

_ROLES: Final = {
    "RP": {"c1": "RP", "c2": "Referring Provider", "c3": "HL70286"},
    "RT": {"c1": "RT", "c2": "Referred to Provider", "c3": "HL70286"},
    "org": {"c1": "org", "c2": "Organisation", "c3": "99IPROLE"},
    "coordinator": {"c1": "coordinator", "c2": "Koordinator", "c3": "99IPROLE"},
}


def message_to_hl7v2(
    message: Message,
    compiled: Compiled,
    released: Collection[LocatingPart] = (),
    owner: PlanOwner | None = None,
) -> dict[str, Any]:
    """The message as the value of a REF or RRI, which `ip_fhir.hl7v2` writes.

    What leads to a person with a protected address is left out, but for the parts in `released`. Of `owner`, the person
    whom a message without a notice is about, PID has name, number and birth date; without it PID names nobody. Raises
    `InvalidInput` for what HL7 v2 cannot say.
    """
    if message.notice is not None and (notice := withheld(message.notice, released)) is not message.notice:
        message = message.evolve(notice=notice)
    sent, context = sent_as(message), Context()
    data = _header_data(message, sent)
    code, words = _FORMS.get(message.kind, _OTHER)
    seed = {"OBSERVATION": [{"OBR": {"f4": [{"c1": code, "c2": words, "c3": "99IP"}]}}]}
    lens = compiled.lens(TABLES[sent.code])
    value = lens.put_new(data, seed, context)
    content = message.notice or message.form
    if content is not None:
        name = "V2Notice" if message.notice is not None else "V2GreenForm"
        value = _named_again(value, message)
        value = compiled.lens(name).put_new(spread(data_of(content)), value, context)
        value = _with_roles(value, message)
    if message.notice is None:
        value["PID"] = nobody(message.correlation_id) if owner is None else _person(owner, compiled)
    refuse_null(value)
    return numbered(value)


def refuse_null(value: dict[str, Any]) -> None:
    """Raise `InvalidInput` for a text of two quotation marks, which would be read as nothing."""
    if _has_null(value):
        _refuse_null(value, ())


def _has_null(node: Any) -> bool:
    for child in node.values() if type(node) is dict else node:
        if child == NULL if type(child) is str else _has_null(child):
            return True
    return False


def _refuse_null(node: Any, steps: tuple[str, ...]) -> None:
    """Raise `InvalidInput` for a text of two quotation marks, which would be read as nothing."""
    if type(node) is dict:
        for name, child in node.items():
            _refuse_null(child, (*steps, name))
    elif type(node) is list:
        for number, child in enumerate(node):
            _refuse_null(child, (*steps, f"[{number}]"))
    elif node == NULL:
        raise InvalidInput.at(joined(steps), "is two quotation marks, which say nothing in HL7 v2", "business-rule")


def _header_data(message: Message, sent: Sent) -> dict[str, Any]:
    data = data_of(message)
    content = data.get("notice") or data.get("form")
    short = control_id(message.id)
    whole = message.id if short != message.id else None
    return {
        **{name: value for name, value in data.items() if name not in ("id", "notice", "form")},
        **({} if whole is None else {"id": whole}),
        "control_id": short,
        "message_code": sent.code,
        "trigger": sent.trigger,
        "structure": STRUCTURES[sent.code],
        "status": sent.status,
        "effective": day_of((content or {}).get("authored") or data["sent"]),
        "sender_facility": token_of(data["sender"]),
        "recipient_facility": token_of(data["recipient"]),
    }


def _person(owner: PlanOwner, compiled: Compiled) -> dict[str, Any]:
    """A PID with no more than says who the person is: name, number and birth date."""
    known = owner.model_dump(mode="json", include={"id", "name", "identifier", "birth_date"}, exclude_none=True)
    return compiled.lens("V2Owner").new(known, Context())


def nobody(correlation_id: str) -> dict[str, Any]:
    """A PID that names no person, where none is known: it has the number of the referral.

    REF and RRI require a PID with an identifier and a name; a name of the type S is a pseudonym (table 0200).
    """
    return {"f3": [{"c1": correlation_id, "c4": "99IPREF", "c5": "XX"}], "f5": [{"c7": "S"}]}


def _named_again(value: dict[str, Any], message: Message) -> dict[str, Any]:
    """The value with the local role of an organisation at each party that the content names with the same words."""
    content = message.notice or message.form
    named = () if content is None else content.organizations
    same = {party.id for party in (message.sender, message.recipient) if party in named}
    return _with_role(value, "org", same, persons=False, last=True)


def _with_roles(value: dict[str, Any], message: Message) -> dict[str, Any]:
    """The value with the standard role of the author, or of the coordinators, beside the local one."""
    if message.notice is not None:
        return _with_role(value, "RP", {message.notice.author}, persons=True)
    coordinators = () if message.form is None else message.form.coordinators
    holders = {place.holder for place in coordinators}
    return _with_role(_with_role(value, "coordinator", holders, persons=True), "RT", holders, persons=True)


def _with_role(
    value: dict[str, Any], role: str, ids: Collection[str | None], *, persons: bool, last: bool = False
) -> dict[str, Any]:
    """The value with a role more in the PRD of each person, or organisation, of these ids."""

    def with_role(group: dict[str, Any]) -> dict[str, Any]:
        prd = group["PRD"]
        own = next((number["c1"] for number in prd.get("f7", ()) if number.get("c2") == "99IP"), None)
        if own is None or own not in ids or persons != ("f2" in prd):
            return group
        roles = [*prd["f1"], _ROLES[role]] if last else [_ROLES[role], *prd["f1"]]
        return {**group, "PRD": {**prd, "f1": roles}}

    return {**value, "PROVIDER_CONTACT": [with_role(group) for group in value["PROVIDER_CONTACT"]]}


def numbered(value: dict[str, Any]) -> dict[str, Any]:
    """The value with the set ids (field 1) of PID, NK1, OBR and OBX: each segment's number among its neighbours."""
    made = {**value}
    if "PID" in made:
        made["PID"] = {"f1": [{"c1": "1"}], **made["PID"]}
    if "NK1" in made:
        made["NK1"] = [{"f1": [{"c1": str(n)}], **segment} for n, segment in enumerate(made["NK1"], start=1)]
    made["OBSERVATION"] = [_numbered_rows(group, n) for n, group in enumerate(made.get("OBSERVATION", ()), start=1)]
    return made


def _numbered_rows(group: dict[str, Any], number: int) -> dict[str, Any]:
    rows = [
        {**row, "OBX": {"f1": [{"c1": str(n)}], **row["OBX"]}}
        for n, row in enumerate(group.get("RESULTS_NOTES", ()), start=1)
    ]
    made = {**group, "OBR": {"f1": [{"c1": str(number)}], **group["OBR"]}}
    return {**made, "RESULTS_NOTES": rows} if rows else made
