"""The reasons of steps and the notes of worklist items in words: English as they are stored, and Norwegian."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ip_fhir.domain.loop.worklist import IN_ITS_PLACE, NOTIFIED_AGAIN, SUBSCRIPTION_ENDED, TOLD_AFTER_ALL, note_of_state
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.report.words.codes import word

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language

_GROUND = re.compile(r"(?P<why>.+?)(?: \(consent: (?P<consents>.+)\)| \((?P<law>legal basis)\))?", re.DOTALL)
_REFUSED = re.compile(r"refused: ([a-z-]+): ([a-z-]+) by ([a-z]+) is not allowed .*", re.DOTALL)


def step_note(note: str, language: Language) -> str:
    """Returns the reason of a step from its stored English words; words that are not ours come back as they are.

    >>> step_note("the notice goes out, with consent or a legal basis (consent: c1)", "nb")
    'meldingen går ut, med samtykke eller etter loven (samtykke: c1)'
    >>> step_note("refused: closed: assess by municipality is not allowed (always)", "nb")
    'avvist: «kartlegger» fra kommunen passer ikke når saken er: avsluttet'
    """
    if language == "en":
        return note
    if (refused := _REFUSED.fullmatch(note)) is not None:
        return _refused(*refused.groups()) or note
    found = _GROUND.fullmatch(note)
    if found is None or found["why"] not in WHY_NB:
        return note
    ground = f" (samtykke: {found['consents']})" if found["consents"] else " (etter loven)" if found["law"] else ""
    return f"{WHY_NB[found['why']]}{ground}"


def _refused(state: str, kind: str, role: str) -> str | None:
    try:
        said, by, at = word(EventKind(kind), "nb"), word(Role(role), "nb"), word(State(state), "nb")
    except ValueError:
        return None
    return f"avvist: «{said}» fra {by} passer ikke når saken er: {at}"


def item_note(note: str, language: Language) -> str:
    """Returns the note of a worklist item; only notes that the program wrote are translated.

    >>> item_note("the loop is confirmed", "nb"), item_note("ringte", "nb")
    ('saken er nå: koordinator bekreftet', 'ringte')
    """
    return _NOTES_NB.get(note, note) if language == "nb" else note


_NOTES_NB = {
    IN_ITS_PLACE: "en nyere er kommet i stedet",
    NOTIFIED_AGAIN: "systemet varsles igjen",
    TOLD_AFTER_ALL: "varslet likevel",
    SUBSCRIPTION_ENDED: "systemet har avsluttet abonnementet",
    **{note_of_state(state): f"saken er nå: {word(state, 'nb')}" for state in State},
}

WHY_NB = {
    "confirmed for as long as the agreement says, nothing is left to do: each side closes by its own clock": (
        "bekreftet så lenge avtalen sier, og ingenting gjenstår: hver side avslutter etter sin egen klokke"
    ),
    "the person is dead: nobody is reminded": "personen er død: ingen blir purret",
    "the notice goes out, with consent or a legal basis": "meldingen går ut, med samtykke eller etter loven",
    "a person has looked: tried again, unchanged": "noen har sett på det: prøves igjen, uendret",
    "the municipality has stored the notice": "kommunen har lagret meldingen",
    "the same notice again": "den samme meldingen en gang til",
    "a machine has stored it; no answer yet": "en maskin har lagret den; ikke noe svar ennå",
    "the receipt was overtaken": "noe annet kom før kvitteringen",
    "another message has arrived": "en annen melding er kommet fram",
    "the other machine said no": "den andre maskinen sa nei",
    "it was known, or the notice had arrived before": "det var kjent, eller meldingen var kommet fram før",
    "another message was refused: a person must look": "en annen melding ble avvist: noen må se på det",
    "accepted, nobody named: the answer clock runs on": "mottatt, ingen er oppnevnt: svarfristen løper videre",
    "an assessment (kartlegging) is ordered": "kartlegging er bestilt",
    "another unit has it; this one stays open until that one ends": (
        "en annen enhet har den; saken står åpen til den er ferdig der"
    ),
    "the ball is with the hospital and the answer clock stands still": "sykehuset må svare, og svarfristen står stille",
    "more is asked": "det spørres om mer",
    "what was left of the clock": "det som var igjen av svarfristen, løper videre",
    "information nobody asked for": "opplysninger som ingen spurte om",
    "a new Task; the answer clock anew": "en ny oppgave; svarfristen begynner på nytt",
    "the form that named the coordinator is late or lost": "skjemaet med koordinatoren er forsinket eller borte",
    "known, or more has happened since": "det var kjent, eller mer har hendt siden",
    "it crossed what the hospital did": "sykehuset gjorde noe annet på samme tid",
    "the municipality has gone on without it": "kommunen har gått videre uten",
    "known, or it no longer matters": "det var kjent, eller betyr ikke noe lenger",
    "a complete form names the coordinator": "et fullstendig skjema oppgir koordinatoren",
    "the person does not want it": "personen ønsker det ikke",
    "no, with reason and right to complain": "nei, med grunn og klagerett",
    "the request to stop goes before": "ønsket om å avbryte går foran",
    "it lacks what it must have: counts as not returned, the answer clock runs on": (
        "det mangler noe det må ha: regnes som ikke kommet, svarfristen løper videre"
    ),
    "what was asked for goes before": "det som det er spurt om, går foran",
    "done before it knew that consent is gone": "gjort før kommunen visste at samtykket er trukket",
    "another coordinator from a later day, or new details": "en annen koordinator fra en senere dag, eller nytt om den",
    "two forms disagree: a person must decide": "to skjemaer er uenige: noen må avgjøre det",
    "the form in force stands; the lacks are listed": "skjemaet som gjelder, står; det er sagt hva det nye mangler",
    "the person no longer wants it": "personen ønsker det ikke lenger",
    "the no was overturned: a new Task": "avslaget er omgjort: en ny oppgave",
    "the same form again": "det samme skjemaet en gang til",
    "kept and marked late, not acted on": "tatt vare på som for sent, uten virkning",
    "the hospital may cancel by itself until the municipality has accepted": (
        "sykehuset kan avbryte selv til kommunen har tatt imot saken"
    ),
    "it was not accepted yet": "saken var ikke tatt imot ennå",
    "cancelled before the hospital knew of the acceptance": "avbrutt før sykehuset visste at saken var tatt imot",
    "cancelled before the form arrived: the Task stays completed": "avbrutt før skjemaet kom: oppgaven er utført",
    "it is over already": "saken er allerede over",
    "after acceptance the hospital can only ask; the municipality answers": (
        "når saken er tatt imot, kan sykehuset bare be om det; kommunen svarer"
    ),
    "the hospital believed it accepted": "sykehuset trodde at saken var tatt imot",
    "asked already, or too late to stop": "det er bedt om før, eller for sent å avbryte",
    "the municipality has stopped": "kommunen har avbrutt",
    "stopped, as consent is gone": "avbrutt, for samtykket er trukket",
    "the form that crossed the request to stop was followed by more: the municipality stops after all": (
        "mer kom etter skjemaet som krysset ønsket om å avbryte: kommunen avbryter likevel"
    ),
    "the municipality goes on where it was": "kommunen fortsetter der den var",
    "consent is gone, or it is over, or a form had crossed the request to stop": (
        "samtykket er trukket, eller saken er over, eller et skjema krysset ønsket om å avbryte"
    ),
    "consent is gone before the municipality accepted: cancelled": (
        "samtykket er trukket før kommunen tok imot saken: avbrutt"
    ),
    "work has begun: the municipality is asked to stop": "arbeidet er i gang: kommunen er bedt om å avbryte",
    "a stop was asked for; now there is no way back": "det er bedt om å avbryte; nå er det ingen vei tilbake",
    "the Task stays completed; nothing more goes out": "oppgaven er utført; ikke noe mer går ut",
    "never sent": "aldri sendt",
    "died, moved, or all is done": "død, flyttet, eller alt er gjort",
    "the form has not come": "skjemaet er ikke kommet",
    "it crossed the answer": "det krysset svaret",
    "somebody higher up is told": "noen høyere opp er varslet",
    "what the form lacks": "hva skjemaet mangler",
    "it crossed a newer form": "det krysset et nyere skjema",
    "no receipt: sent again, unchanged": "ingen kvittering: sendt igjen, uendret",
    "no receipt after all tries: a person must look": "ingen kvittering etter alle forsøk: noen må se på det",
    "the form has not come in time": "skjemaet er ikke kommet innen fristen",
    "reminders did not help: the next rung of the ladder": "purring hjalp ikke: neste trinn varsles",
    "a person on our own side must look": "noen på vår egen side må se på det",
    "an evaluation, or a talk with the mentor, is due": "tid for evaluering, eller for samtale med fadderen",
    "a newer message was here first": "en nyere melding kom først",
    "who has passed it on no longer decides": "den som har sendt den videre, bestemmer ikke lenger",
    "it is for the unit that has it to stop": "det er enheten som har den, som kan avbryte",
    "nothing to stop here: the unit that has it is told too": (
        "ikke noe å avbryte her: enheten som har den, får også vite det"
    ),
    "another unit passes it to the one that had it before": "en annen enhet gir den tilbake til den som hadde den før",
}
"""The `why` of each transition in Norwegian, by its English words."""
