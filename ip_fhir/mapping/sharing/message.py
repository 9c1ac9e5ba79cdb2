"""Messages about a plan as FHIR message Bundles, and back. `contents` has what each kind carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import CONTENT, PlanMessage
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import content_of
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.header import (
    header_from_fhir,
    header_to_fhir,
    message_bundle,
    message_entries,
    place_in_header,
    sent_at,
    url_of,
)
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.lenses.wrong import text_or_none
from ip_fhir.mapping.sharing.contents import content_from_fhir, content_to_fhir, view_content

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.fhir.bundle import BundleContent
    from ip_fhir.mapping.compiled import Compiled

_HEADER: Final = "PlanMessageHeader"


def plan_message_to_fhir(
    message: PlanMessage,
    compiled: Compiled,
    released: Collection[LocatingPart] = (),
) -> dict[str, Any]:
    """The message as a Bundle: MessageHeader first, then the resources of its content.

    What leads to a person with a protected address is left out, but for the
    parts in `released`. Raises `InvalidInput` for words without a code.
    """
    field = CONTENT[message.kind]
    carried = content_to_fhir(message, getattr(message, field), compiled, released)
    data = data_of(message.model_copy(update={field: None, "kept": (), "numbers": ()}))
    header = header_to_fhir(_HEADER, message, data, compiled)
    header["focus"] = [{"reference": url_of(resource)} for resource in carried.focus]
    return message_bundle(header, data["sent"], carried.resources, compiled)


def plan_message_from_fhir(bundle: dict[str, Any] | BundleContent, compiled: Compiled) -> PlanMessage:
    """Read the message about a plan in a Bundle, or in its content.

    Raises `InvalidInput` with every problem, by FHIRPath.
    """
    content = content_of(bundle)
    version_of(content.bundle, compiled.version)
    entries = message_entries(content)
    data = {**header_from_fhir(_HEADER, entries[0], compiled), "sent": sent_at(content.bundle)}
    kind = PlanMessageKind(data["kind"])
    if kind is PlanMessageKind.PLAN:
        data |= view_content(content, compiled)
    else:
        data[CONTENT[kind]] = content_from_fhir(kind, content, compiled)
    try:
        return read(PlanMessage, data)
    except InvalidInput as error:
        raise InvalidInput(
            place_in_header(_HEADER, problem, entries[0], compiled) for problem in error.problems
        ) from None


def is_plan_message(bundle: Any, compiled: Compiled) -> bool:
    """True for a message Bundle whose header names an event about a plan."""
    entries = bundle.get("entry") if type(bundle) is dict else None
    first = entries[0] if type(entries) is list and entries else None
    header = first.get("resource") if type(first) is dict else None
    if type(header) is not dict or header.get("resourceType") != "MessageHeader":
        return False
    coding = header.get("eventCoding")
    if type(coding) is not dict:
        return False
    said = text_or_none(coding.get("system")), text_or_none(coding.get("code"))
    return said in compiled.tables.codes["plan-message-kind"].words
