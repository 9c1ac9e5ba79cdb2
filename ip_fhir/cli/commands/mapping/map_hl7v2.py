"""`map` and `check` for HL7 v2: one message in ER7 is read as a message of the domain, and one is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.cli.files import Content
    from ip_fhir.domain.message import Message
    from ip_fhir.errors import Problem
    from ip_fhir.hl7v2.message import Er7
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.hl7v2.plan import PathwayReading

PARTS: Final = ("PPR", "PGL", "CCR")
"""The types of message that hold parts of a plan."""

ABOUT_PLANS: Final = ("PPG", "PPP", "PTR", "CCM", *PARTS)
"""The types of message about a plan, or about parts of one."""

_BEFORE = b"\xef\xbb\xbf\x0b \t\r\n"


def is_hl7v2(content: Content) -> bool:
    """True for content that begins as a message of HL7 v2 in ER7."""
    return content.data.lstrip(_BEFORE).startswith(b"MSH")


def read_hl7v2(content: Content) -> Er7:
    """Reads one message. Raises `InvalidInput` with the place: `PID-3`."""
    from ip_fhir.cli.files import limits, naming
    from ip_fhir.hl7v2.message import read

    with naming(content.name):
        return read(content.data.lstrip(b"\x0b").rstrip(b"\x1c\r\n") + b"\r", limits())


def to_fhir(content: Content, site: Mapper) -> dict[str, Any]:
    """The message of HL7 v2 in a file as a FHIR message Bundle."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content)
    with naming(content.name):
        if message.event[0] == "PPG":
            return site.plan_message_to_fhir(site.plan_message_from_hl7v2(message.value))
        return site.message_to_fhir(site.message_from_hl7v2(message.value))


def has_parts(content: Content) -> bool:
    """True for a message that holds parts of a plan, and no plan: goals, problems, or a referral of a collaboration."""
    return read_hl7v2(content).event[0] in PARTS


def to_plan(content: Content, site: Mapper) -> PathwayReading:
    """The plan in a message about a pathway."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content)
    with naming(content.name):
        return site.plan_from_hl7v2(message.value)


def to_parts(content: Content, site: Mapper) -> tuple[dict[str, Any], Sequence[Problem]]:
    """The parts of a plan in a message, as JSON, and what is not read of it."""
    from ip_fhir.cli.files import naming

    message = read_hl7v2(content)
    with naming(content.name):
        found = site.parts_from_hl7v2(message.value)
    named = {"goals": found.goals, "needs": found.needs, "measures": found.measures}
    parts: dict[str, Any] = {name: [one.to_data() for one in items] for name, items in named.items() if items}
    removed = {"removed": list(found.removed)} if found.removed else {}
    return {"owner": found.owner.to_data(), **parts, **removed}, found.warnings


def to_hl7v2(content: Content, site: Mapper) -> tuple[bytes, Sequence[Problem]]:
    """The message in a file in ER7, and warnings: a plan, a notice, a message Bundle, or HL7 v2 as we write it.

    A notice alone is a message with its id. Raises `InvalidInput` for what HL7 v2 cannot say.
    """
    from ip_fhir.cli.files import kind_of, naming, read_bundle, read_value
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.hl7v2.message import new

    if not is_hl7v2(content) and kind_of(content) == "plan":
        plan = read_value(IndividualPlan, content)
        with naming(content.name):
            pathway = site.plan_to_hl7v2(plan)
            return new(pathway.value).to_bytes(), pathway.warnings
    if not is_hl7v2(content) and kind_of(content) == "bundle" and site.is_plan_message(bundle := read_bundle(content)):
        with naming(content.name):
            return new(site.plan_message_to_hl7v2(site.plan_message_from_fhir(bundle))).to_bytes(), ()
    message = _message(content, site)
    with naming(content.name):
        return new(site.message_to_hl7v2(message)).to_bytes(), ()


def _message(content: Content, site: Mapper) -> Message:
    from ip_fhir.cli.files import expect, naming, read_bundle, read_value
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.notice import Notice

    if is_hl7v2(content):
        read = read_hl7v2(content)
        with naming(content.name):
            return site.message_from_hl7v2(read.value)
    if expect(content, "notice", "bundle", "plan") == "bundle":
        bundle = read_bundle(content)
        with naming(content.name):
            return site.message_from_fhir(bundle)
    notice = read_value(Notice, content)
    return Message.of_notice(notice, notice.id)
