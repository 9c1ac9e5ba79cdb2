"""`map` and `check` for HL7 v2: one message in ER7 is read as a message of the domain, and one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.cli.files import Content
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.errors import Problem
    from ip_fhir.hl7v2.line import Hl7v2Line
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.hl7v2.plan import PathwayReading

PARTS: Final = ("PPR", "PGL", "CCR")
"""The types of message that hold parts of a plan."""

ABOUT_PLANS: Final = ("PPG", "PPP", "PTR", "CCM", *PARTS)
"""The types of message about a plan, or about parts of one."""

WITHOUT_V2: Final = "--peer goes with HL7 v2, and neither side of this is"
"""The words about a peer that is named where no HL7 v2 is read or written."""

_BEFORE = b"\xef\xbb\xbf\x0b \t\r\n"


def is_hl7v2(content: Content) -> bool:
    """True for content that begins as a message of HL7 v2 in ER7."""
    return content.data.lstrip(_BEFORE).startswith(b"MSH")


def read_hl7v2(content: Content, line: Hl7v2Line) -> Er7:
    """Reads one message of a peer with these settings. Raises `InvalidInput` with the place: `PID-3`."""
    from ip_fhir.cli.files import limits, naming
    from ip_fhir.hl7v2.message import read

    with naming(content.name):
        return read(content.data.lstrip(b"\x0b").rstrip(b"\x1c\r\n") + b"\r", limits(), line.charset)


def message_in(read: Er7, site: Mapper, line: Hl7v2Line) -> Message | PlanMessage:
    """The message that was read, as the exchange reads one of a peer with these settings."""
    from ip_fhir.cli.files import limits
    from ip_fhir.exchange.formats.hl7v2 import IncomingHl7v2

    return IncomingHl7v2(read, line, limits()).message(site)


def to_fhir(content: Content, site: Mapper, line: Hl7v2Line) -> dict[str, Any]:
    """The message of HL7 v2 in a file as a FHIR message Bundle."""
    from ip_fhir.cli.files import naming
    from ip_fhir.domain.sharing.messages import PlanMessage

    read = read_hl7v2(content, line)
    with naming(content.name):
        found = message_in(read, site, line)
        return site.plan_message_to_fhir(found) if isinstance(found, PlanMessage) else site.message_to_fhir(found)


def has_parts(content: Content, line: Hl7v2Line) -> bool:
    """True for a message that holds parts of a plan, and no plan: goals, problems, or a referral of a collaboration."""
    return read_hl7v2(content, line).event[0] in PARTS


def to_plan(content: Content, site: Mapper, line: Hl7v2Line) -> PathwayReading:
    """The plan in a message about a pathway."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content, line)
    with naming(content.name):
        return site.plan_from_hl7v2(message.value, line.time_zone)


def to_parts(content: Content, site: Mapper, line: Hl7v2Line) -> tuple[dict[str, Any], Sequence[Problem]]:
    """The parts of a plan in a message, as JSON, and what is not read of it."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content, line)
    with naming(content.name):
        found = site.parts_from_hl7v2(message.value, line.time_zone)
    named = {"goals": found.goals, "needs": found.needs, "measures": found.measures}
    parts: dict[str, Any] = {name: [one.to_data() for one in items] for name, items in named.items() if items}
    removed = {"removed": list(found.removed)} if found.removed else {}
    return {"owner": found.owner.to_data(), **parts, **removed}, found.warnings


def onto_plan(
    content: Content, plan: IndividualPlan, site: Mapper, line: Hl7v2Line
) -> tuple[IndividualPlan, Sequence[Problem]]:
    """The plan with what the message in a file changes in it, and what is not read of the message."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content, line)
    with naming(content.name):
        found = site.plan_with_hl7v2(plan, message.value, line.time_zone)
        return found, site.unread_in_hl7v2(plan, message.value, line.time_zone)


def to_hl7v2(content: Content, site: Mapper, line: Hl7v2Line) -> tuple[bytes, Sequence[Problem]]:
    """The message in a file in ER7, as a peer with these settings wants it, and warnings.

    The file holds a plan, a notice, a message Bundle, or HL7 v2 of that peer's. A notice alone is a message with its
    id. Raises `InvalidInput` for what HL7 v2 cannot say.
    """
    from ip_fhir.cli.files import kind_of, naming, read_bundle, read_value
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.exchange.formats.hl7v2.writing import value_for
    from ip_fhir.hl7v2.message import new
    from ip_fhir.mapping.hl7v2.line import spoken

    if not is_hl7v2(content) and kind_of(content) == "plan":
        plan = read_value(IndividualPlan, content)
        with naming(content.name):
            pathway = site.plan_to_hl7v2(plan)
            return new(spoken(pathway.value, line)).to_bytes(), pathway.warnings
    if not is_hl7v2(content) and kind_of(content) == "bundle" and site.is_plan_message(bundle := read_bundle(content)):
        with naming(content.name):
            value = site.plan_message_to_hl7v2(site.plan_message_from_fhir(bundle))
            return new(spoken(value, line)).to_bytes(), ()
    message = _message(content, site, line)
    with naming(content.name):
        if isinstance(message, PlanMessage):
            return new(spoken(site.plan_message_to_hl7v2(message), line)).to_bytes(), ()
        return new(value_for(message, site, line)).to_bytes(), ()


def _message(content: Content, site: Mapper, line: Hl7v2Line) -> Message | PlanMessage:
    from ip_fhir.cli.files import expect, naming, read_bundle, read_value
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.notice import Notice

    if is_hl7v2(content):
        read = read_hl7v2(content, line)
        with naming(content.name):
            return message_in(read, site, line)
    if expect(content, "notice", "bundle", "plan") == "bundle":
        bundle = read_bundle(content)
        with naming(content.name):
            return site.message_from_fhir(bundle)
    notice = read_value(Notice, content)
    return Message.of_notice(notice, notice.id)
