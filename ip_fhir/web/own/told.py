"""The doors about how our own people are told: how far each is, and what a webhook is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import Field

from ip_fhir.domain.values.value import Count, Id, Text, Value
from ip_fhir.web.own.doors import Door, Shown, values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.exchange import Exchange
    from ip_fhir.exchange.telling.replay import Progress
    from ip_fhir.web.own.doors import Asked

TOLD: Final = "told"


class ToldRecipient(Value):
    """A recipient, and how far it is told. An address of e-mail is known by its `key`."""

    name: Id = Field(description="Name in the settings.")
    key: Text = Field(description="Key of this recipient alone.")
    way: Text = Field(description="Way in which it is told: command, e-mail or webhook.")
    last: Count = Field(ge=0, description="Last number; 0: it was told nothing.")
    waiting: Count = Field(ge=0, description="Number of rows that wait, among the oldest.")
    parked: Count = Field(ge=0, description="Number of rows that are parked, among the oldest.")
    error: Text | None = Field(default=None, description="Reason why one of them failed.")

    @classmethod
    def of(cls, one: Progress) -> ToldRecipient:
        """Returns the value of a recipient's progress."""
        return cls(**one._asdict())


class ToldRecipients(Value):
    """The recipients in the order of the settings."""

    items: tuple[ToldRecipient, ...] = Field(default=(), max_length=100_000, description="Recipients.")


class ReplayFrom(Value):
    """The number from which the events of a webhook are sent again."""

    first: Count = Field(ge=1, description="First number that is sent again.")


class Replayed(Value):
    """The events that are due again."""

    name: Id = Field(description="Name of the webhook in the settings.")
    first: Count = Field(ge=1, description="First number that is sent again.")
    events: Count = Field(ge=0, description="Number of events that are due again.")


@dataclass(frozen=True, slots=True)
class ToldDoors:
    """The doors about how our own people are told."""

    exchange: Exchange

    def doors(self) -> Iterator[Door]:
        """Yields every door."""
        yield Door(
            "GET",
            "/own/told",
            "listTold",
            "The recipients among our own people, and how far each is told.",
            TOLD,
            values(ToldRecipients),
            self._recipients,
            needs_author=False,
        )
        yield Door(
            "POST",
            "/own/told/{name}/replay",
            "replayTold",
            "Send the events of a webhook again from a number on: in order, the same ids, the same bytes.",
            TOLD,
            values(Replayed),
            self._replay,
            takes=values(ReplayFrom),
            also=(404,),
        )

    def _recipients(self, _asked: Asked) -> Shown:
        return Shown(ToldRecipients(items=tuple(map(ToldRecipient.of, self.exchange.tellings.progress()))))

    def _replay(self, asked: Asked) -> Shown:
        name, first = asked.path["name"], asked.body.first
        return Shown(Replayed(name=name, first=first, events=self.exchange.tellings.replay(name, first)))
