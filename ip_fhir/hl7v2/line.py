"""The settings of a line for HL7 v2 with one peer: what is written to it, and how what it leaves unsaid is read."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.values.value import Text, Value
from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.text.charsets import UTF_8, charset_named

ApplicationError: TypeAlias = Literal["retry", "reject"]
"""The meaning of an error (AE, CE) that does not say if the message may come again."""

Version: TypeAlias = Literal["2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8"]
"""A version that is written."""


def _charset(name: str) -> str:
    try:
        return charset_named(name).name
    except InvalidInput:
        message = "one of UNICODE UTF-8, ASCII, and 8859/1 to 8859/15"
        raise ValueError(message) from None


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "a name of the time zone database, such as Europe/Oslo"
        raise ValueError(message) from None


class Hl7v2Line(Value):
    """The settings of one peer's line.

    `version` and `charset` are those of the messages that we write; `charset` and `zone` (Europe/Oslo) also hold for a
    message of the peer's that names no character set in MSH-18, or times without an offset. Without `charset` UTF-8 is
    written, and a message that names none is read if it is ASCII or UTF-8.

    `ack_mode` is what we ask for in MSH-15 and MSH-16; `original` asks for nothing there. `receipt` is the reply to a
    message in the original mode: an acknowledgement, or the business answer where there is one. `notice_kind` is the
    need that a referral is about which does not say it: without the setting such a one is refused. With
    `msa_in_answers` an RRI that is sent later has MSA; some systems take it for an acknowledgement, and answer nothing.
    With `absent` its changes of a plan always have all that is left: what one lacks, empties or deletes was taken out.
    """

    LISTS_FIELDS: ClassVar[bool] = True

    version: Version = "2.5.1"
    charset: Annotated[Text, AfterValidator(_charset)] | None = None
    zone: Annotated[Text, AfterValidator(_zone)] = "Europe/Oslo"
    ack_mode: Literal["AL/NE", "AL/AL", "original"] = "AL/NE"
    receipt: Literal["ACK", "RRI"] = "ACK"
    application_error: ApplicationError = "retry"
    display_segment: bool = False
    note: bool = False
    msa_in_answers: bool = False
    bundle: bool = False
    notice_kind: NoticeKind | None = None
    absent: Literal["removed"] | None = None

    @property
    def written_charset(self) -> str:
        """The character set of what is written, as MSH-18 names it."""
        return self.charset or UTF_8.name

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of times without an offset."""
        return ZoneInfo(self.zone)


NO_SETTINGS = Hl7v2Line()
"""The line with a peer of which settings say nothing."""
