"""Makes the recipients of one side from its settings."""

from __future__ import annotations

import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from ip_fhir.domain.agreement import default_of
from ip_fhir.errors import InvalidInput, Unavailable
from ip_fhir.exchange.telling.command import TellCommand, TellFailed
from ip_fhir.exchange.telling.mail import Mail
from ip_fhir.exchange.telling.recipients import Recipient, Recipients
from ip_fhir.exchange.telling.webhook import Webhook
from ip_fhir.settings.telling import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from ip_fhir.domain.effects import Reason
    from ip_fhir.domain.values.calendar import ClosedDays
    from ip_fhir.exchange.telling.entry import Entry
    from ip_fhir.exchange.telling.mail import Wording
    from ip_fhir.exchange.telling.recipients import Channel
    from ip_fhir.settings import Settings, SmtpSettings, ToldSettings
    from ip_fhir.wire.smtp import SmtpServer


class Words(NamedTuple):
    """The words of one language: for a reason, and for an e-mail."""

    reason: Callable[[Reason], str]
    letter: Wording


def recipients_of(settings: Settings, words: Callable[[str], Words]) -> Recipients:
    """The recipients; `words` gives those of a language, `nb` or `en`.

    Raises `InvalidInput` at `told.N` for a program that is not there.
    """
    closed = default_of(settings.agreements).closed
    found: list[Recipient] = []
    for number, told in enumerate(settings.told):
        spoken = words(told.language or settings.language)
        found += _recipients(settings, number, told, spoken, closed)
    return Recipients(found)


def _recipients(
    settings: Settings, number: int, told: ToldSettings, words: Words, closed: ClosedDays
) -> Iterator[Recipient]:
    reasons, hours = frozenset(told.reasons), told.hours(closed)
    if told.way == "e-mail":
        server = smtp_server(settings.smtp)
        for address in told.recipients:
            mail = Mail(server, address, words.letter, digest=told.digest is not None)
            yield Recipient(told.name, key_of_address(told.name, address), mail, reasons, hours, told.way)
        return
    channel: Channel
    if told.way == "webhook" and told.url is not None:
        channel = Webhook(told.url, [key_of(key.get_secret_value()) for key in told.keys], told.timeout)
    else:
        check_program(told.command, f"told.{number}.command")
        channel = _Program(TellCommand(told.command, told.timeout, settings.role, words.reason))
    yield Recipient(told.name, told.name, channel, reasons, hours, told.way)


def key_of_address(name: str, address: str) -> str:
    """The key of one e-mail address among those of a name; the address itself stands in no row and no log."""
    return f"{name}.{sha256(address.lower().encode()).hexdigest()[:16]}"


def smtp_server(settings: SmtpSettings | None) -> SmtpServer:
    """The mail server of the settings. Raises `InvalidInput` at `smtp` if there is none."""
    if settings is None:
        raise InvalidInput.at("smtp", "is needed for e-mail", "required")
    from ip_fhir.wire.smtp import SmtpServer  # a side that sends no e-mail loads no client

    return SmtpServer(
        settings.host,
        settings.sender,
        settings.security,
        settings.port,
        settings.user,
        None if settings.password is None else settings.password.get_secret_value(),
        None if settings.trusted is None else str(settings.trusted),
        settings.timeout,
    )


def check_program(command: Sequence[str], place: str) -> None:
    """Raise `InvalidInput` at a place of the settings unless the command's program is there and may be run."""
    if shutil.which(command[0]) is None:
        raise InvalidInput.at(place, "there is no such program, or it may not be run", "not-found")


class _Program:
    """Tells by a command of the site's own, run for each entry."""

    def __init__(self, command: TellCommand) -> None:
        self._command = command

    def tell(self, entries: Sequence[Entry], at: datetime) -> None:  # noqa: ARG002 - a command has its own clock
        """Run the command. Raises `Unavailable` if it fails."""
        try:
            for entry in entries:
                self._command(entry.as_item_row())
        except TellFailed as error:
            raise Unavailable(f"the command: {error}") from None
