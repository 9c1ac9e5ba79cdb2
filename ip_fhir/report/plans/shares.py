"""The sharing of a plan in words: with whom, what each has, and what waits for an answer or a decision."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.life.table import ShareState, state_of
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.plans.labels import label
from ip_fhir.report.plans.layout import heading, kept_together, paragraph, sentence
from ip_fhir.report.words.codes import day_words, word
from ip_fhir.report.words.plan import names_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from ip_fhir.domain.sharing.case import Copy, Handover, Invitation, PlanRequest, SharedPlan
    from ip_fhir.domain.sharing.change import KeptChange
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.report.words.codes import Language


def sharing_lines(case: SharedPlan, parties: Mapping[str, str], language: Language) -> Iterator[str]:
    """Yields the sections about the sharing of a plan as one side has it; none for what there is nothing of.

    `parties` gives a party's name by its name in the settings. At the holder: shares, changes, invitations, questions,
    handover; at a participant: who holds the plan, and its copies instead of shares.
    """
    told = _Telling(case, parties, language)
    if case.side is PlanSide.PARTICIPANT and case.holder is not None:
        yield from paragraph(sentence(f"{told.label('held-by')} {told.party(case.holder)}"))
    sections: tuple[tuple[str, Sequence[str]], ...] = (
        ("shared-with", [told.share(one) for one in case.shares]),
        ("our-copies", [told.copy(one) for one in case.copies]),
        ("changes", [told.change(one) for one in reversed(case.changes)]),
        ("invitations", [told.invitation(one) for one in case.invitations]),
        ("requests", [told.request(one) for one in case.requests]),
        ("handover", [told.handover(case.handover)] if case.handover is not None else []),
    )
    for key, items in sections:
        if items:
            yield from heading(told.label(key))
        for item in items:
            yield from paragraph(item, mark="- ")


class _Telling:
    """A case with the names and the language in which it is told: a sentence for each thing in it."""

    def __init__(self, case: SharedPlan, parties: Mapping[str, str], language: Language) -> None:
        self._case, self._parties, self._language = case, parties, language

    def label(self, key: str) -> str:
        return label(key, self._language)

    def party(self, name: str) -> str:
        return self._parties.get(name, name)

    def share(self, share: Share) -> str:
        """Returns a share: with whom, its state and why it ended, the number of its view, and the receipt."""
        who = self.party(share.party)
        if share.person is not None:
            who = f"{who} ({self._person(share.person)})"
        state = (
            f"{word(state_of(share), self._language)}, {self.label('since')} {self._day(share.ended or share.began)}"
        )
        reason = word(share.end_reason, self._language) if share.end_reason is not None else None
        what = self.label("number" if share.goes_on else "withdrawal-number")
        number = f"{what} {share.number}{self._received(share)}" if share.number else None
        return self._told(f"{who}: {state}", reason, number if share.on_wire else self.label("own-people"))

    def _received(self, share: Share) -> str:
        if share.acknowledged >= share.number:
            return f", {self.label('received')}"
        last = f" ({self.label('last-received')} {share.acknowledged})" if share.acknowledged else ""
        return f", {self.label('not-received')}{last}"

    def copy(self, copy: Copy) -> str:
        """Returns a copy: its number, when it came, and whether it was withdrawn or is out of step."""
        said = f"{self.label('number')} {copy.number}, {self.label('received')} {self._time(copy.received)}"
        withdrawn = f"{self.label('withdrawn-by-holder')} {self._time(copy.withdrawn)}" if copy.withdrawn else None
        return self._told(said, withdrawn, None if copy.in_step else word(ShareState.OUT_OF_STEP, self._language))

    def change(self, kept: KeptChange) -> str:
        """Returns a change: from whom, when, its status, its parts by outcome, and the words that go with it."""
        change = kept.change
        share = self._case.share(change.share)
        who = self.party(share.party) if share is not None else self.label("our-change")
        outcomes = Counter(word(part.outcome, self._language) for part in kept.decisions)
        parts = "; ".join(f"{number} {outcome}" for outcome, number in outcomes.items())
        said = f"{who}, {self._time(kept.received)}: {word(kept.status, self._language)}"
        return self._told(
            said, f"{self.label('parts')}: {parts}" if parts else None, change.text, self._ident(change.id)
        )

    def invitation(self, invitation: Invitation) -> str:
        """Returns an invitation: to or from whom, when, how often asked, and the answer with its reason."""
        return self._offer(invitation, invitation.role)

    def handover(self, handover: Handover) -> str:
        """Returns a handover: to or from whom, when, how often asked, and the answer with its reason."""
        return self._offer(handover, None)

    def _offer(self, offer: Invitation | Handover, role: str | None) -> str:
        status = word(offer.status, self._language)
        answered = f" {self._time(offer.answered)}" if offer.answered is not None else ""
        reason = f": {offer.reason}" if offer.reason else ""
        times = f"{self.label('asked-times')} {offer.asked}" if offer.asked > 1 else None
        who = f"{self.party(offer.party)}, {self._time(offer.sent)}: {status}{answered}{reason}"
        return self._told(who, role, times, self._ident(offer.id))

    def request(self, request: PlanRequest) -> str:
        """Returns a question for the plan: by or to whom, when, and the answer."""
        key = "request-open" if request.granted is None else "request-granted" if request.granted else "request-refused"
        answered = f" {self._time(request.answered)}" if request.answered is not None else ""
        who = f"{self.party(request.party)}, {self._time(request.asked)}: {self.label(key)}{answered}"
        return self._told(who, request.reason, self._ident(request.id))

    def _person(self, ident: str) -> str:
        return names_in(self._case.plan).get(ident, ident) if self._case.plan is not None else ident

    def _told(self, first: str, *more: str | None) -> str:
        """Returns the first part as it is, since it begins with a name, and the others as sentences."""
        return f"{first}. {sentence(*more)}".rstrip()

    def _ident(self, ident: str) -> str:
        return kept_together(f"{self.label('id')} {ident}")

    def _day(self, day: date) -> str:
        return kept_together(day_words(day, self._language, year=True))

    def _time(self, at: datetime) -> str:
        local = at.astimezone(OSLO)
        return kept_together(f"{day_words(local, self._language, year=True)} {local:%H:%M}")
