"""An e-mail to one recipient: that something is to be looked at, and a reference; never about whom, and no content."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.effects import Reason
    from ip_fhir.exchange.telling.entry import Entry
    from ip_fhir.wire.smtp import SmtpServer


class Letter(Protocol):
    """The words of an e-mail, and the tag of their language."""

    @property
    def subject(self) -> str:
        """One line."""
        ...

    @property
    def text(self) -> str:
        """The lines below it."""
        ...

    @property
    def language(self) -> str:
        """`nb` or `en`."""
        ...


class Wording(Protocol):
    """Puts into words that there is something to look at."""

    def __call__(self, items: Sequence[tuple[Reason | None, str]], *, digest: bool) -> Letter:
        """The letter about items, each with its reason and its id; a `digest` is of all since the last.

        Without items it is a trial.
        """
        ...


class Mail:
    """E-mail to one address through one server."""

    def __init__(self, server: SmtpServer, address: str, wording: Wording, *, digest: bool) -> None:
        self._server, self._address, self._wording, self._digest = server, address, wording, digest

    def tell(self, entries: Sequence[Entry], at: datetime) -> None:
        """Send one e-mail about the entries. Raises `Rejected` or `Unavailable`."""
        from ip_fhir.wire.smtp import send

        items = [(one.reason, one.item) for one in entries if not one.is_trial]
        letter = self._wording(items, digest=self._digest and bool(items))
        send(self._server, self._address, message(letter, self._server.sender, self._address, entries, at))


def message(letter: Letter, sender: str, address: str, entries: Sequence[Entry], at: datetime) -> bytes:
    """The bytes of an e-mail. Its `Message-ID` follows from the entries: one that comes twice can be recognised."""
    made = EmailMessage(policy=SMTP)
    made["Subject"], made["From"], made["To"] = letter.subject, sender, address
    made["Date"] = format_datetime(at)
    made["Message-ID"] = message_id(sender, entries)
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer by a machine
    made.set_content(letter.text, cte="quoted-printable")
    made["Content-Language"] = letter.language  # after the content, which takes such headers out
    return made.as_bytes()


def message_id(sender: str, entries: Sequence[Entry]) -> str:
    """The id of an e-mail about these entries, by the first row and the last number."""
    return f"<{entries[0].row.id}.{entries[-1].number}@{sender.rpartition('@')[2]}>"
