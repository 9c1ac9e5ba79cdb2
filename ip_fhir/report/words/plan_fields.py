"""Words for the fields of a plan and of its items, and for what became of them, Norwegian and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language


def field_word(name: str, language: Language) -> str:
    """Returns the word for a field by its name. Raises `KeyError` for a name that no field of a plan has."""
    norwegian, english = FIELD_WORDS[name]
    return norwegian if language == "nb" else english


def change_sentence(key: str, language: Language) -> str:
    """Returns the pattern by which a change of a field is told, with the places `field`, `old` and `new`."""
    norwegian, english = SENTENCES[key]
    return norwegian if language == "nb" else english


SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "changed": ("{field} fra {old} til {new}", "{field} from {old} to {new}"),
    "set": ("{field} satt til {new}", "{field} set to {new}"),
    "unset": ("{field} {old} tatt bort", "{field} {old} taken away"),
    "other": ("{field} endret", "{field} changed"),
    "added": ("lagt til", "added"),
    "removed": ("fjernet", "removed"),
    "order": ("ny rekkefølge", "another order"),
    "yes": ("ja", "yes"),
    "no": ("nei", "no"),
}
"""By key: Norwegian, English."""

FIELD_WORDS: Final[dict[str, tuple[str, str]]] = {
    "access": ("adgang ellers", "access otherwise"),
    "achievement": ("måloppnåelse", "achievement"),
    "actor": ("hvem som bidrar", "contributor"),
    "address": ("adresse", "address"),
    "appointed_by": ("oppnevnt av", "appointed by"),
    "area": ("livsområde", "life area"),
    "areas": ("livsområder", "life areas"),
    "birth_date": ("fødselsdato", "birth date"),
    "by": ("hvem det er et bidrag fra", "source of the contribution"),
    "consents": ("samtykker", "consents"),
    "contacts": ("kontaktopplysninger", "ways to reach them"),
    "contributions": ("bidrag", "contributions"),
    "cooperation": ("samarbeid", "cooperation"),
    "coordinating_unit": ("koordinerende enhet", "coordinating unit"),
    "coordinators": ("koordinatorer", "coordinators"),
    "created": ("tidspunkt da planen ble laget", "time when it was made"),
    "dead": ("opplysning om at personen er død", "the person's being dead"),
    "deceased": ("dødsdag", "day of death"),
    "document": ("dokument", "document"),
    "evaluation": ("ordning for evaluering", "arrangement for evaluation"),
    "expressed_by": ("hvem som har sagt det", "who said it"),
    "extent": ("omfang", "extent"),
    "follow_up": ("ordning for oppfølging", "arrangement for follow-up"),
    "form": ("måten samtykket ble gitt på", "form of the consent"),
    "gender": ("kjønn", "gender"),
    "given_by": ("hvem som ga samtykket", "who gave the consent"),
    "given_on": ("dagen samtykket ble gitt", "day of the consent"),
    "goals": ("mål", "goals"),
    "held": ("dagen den ble holdt", "day it was held"),
    "her_id": ("HER-id", "HER id"),
    "holder": ("koordinator", "coordinator"),
    "how": ("hvordan", "how"),
    "hpr_number": ("HPR-nummer", "HPR number"),
    "identifier": ("fødselsnummer eller annet nummer", "identity number"),
    "kind": ("type", "kind"),
    "language": ("språk", "language"),
    "legal_basis": ("hjemmel", "legal basis"),
    "mandate": ("rett til å representere", "right to represent"),
    "measures": ("tiltak", "measures"),
    "member": ("medlem", "member"),
    "memberships": ("medlemmer", "members"),
    "mentor": ("fadder", "mentor"),
    "municipality": ("kommune", "municipality"),
    "name": ("navn", "name"),
    "needs": ("behov", "needs"),
    "needs_interpreter": ("behov for tolk", "need of an interpreter"),
    "next_of_kin": ("nærmeste pårørende", "next of kin"),
    "note": ("merknad", "note"),
    "on_behalf_of": ("virksomhet som det gjelder for", "organisation it is for"),
    "organization": ("virksomhet", "organisation"),
    "organization_number": ("organisasjonsnummer", "organisation number"),
    "organizations": ("virksomheter", "organisations"),
    "outcome": ("resultat", "outcome"),
    "owner": ("personen", "the person"),
    "part_of": ("hører til", "part of"),
    "participants": ("deltakere", "participants"),
    "period": ("periode", "period"),
    "planned": ("planlagt dag", "planned day"),
    "profession": ("yrke", "profession"),
    "professionals": ("fagpersoner", "professionals"),
    "protection": ("adressesperre", "protection of the address"),
    "provisions": ("hvem som får se hva", "who may see what"),
    "related_persons": ("pårørende og representanter", "relatives and representatives"),
    "relationship": ("forhold til personen", "relationship"),
    "replaces": ("planen som den erstatter", "the plan that it follows"),
    "resh_id": ("RESH-id", "RESH id"),
    "resources": ("ressurser", "strengths"),
    "responsible": ("ansvarlig", "responsible"),
    "reviews": ("gjennomganger", "reviews"),
    "role": ("rolle", "role"),
    "role_text": ("rolle med egne ord", "role in words"),
    "status": ("status", "status"),
    "status_date": ("dato for status", "date of the status"),
    "status_reason": ("grunn for status", "reason for the status"),
    "takes_part": ("andre som er med", "others who take part"),
    "target": ("når målet er nådd", "when the goal is reached"),
    "task": ("oppgave", "task"),
    "team": ("teamet", "the team"),
    "text": ("tekst", "text"),
    "title": ("tittel", "title"),
    "two_coordinators_reason": ("grunn til at det er to koordinatorer", "reason for two coordinators"),
    "verified_on": ("dagen det ble kontrollert med personen", "day it was checked with the person"),
    "what": ("tiltak", "measure"),
    "where": ("sted", "place"),
    "wish_honoured": ("om personens ønske er fulgt", "the person's wish is honoured"),
    "wish_reason": ("grunn til at ønsket ikke er fulgt", "reason why the wish is not honoured"),
    "with_whom": ("hvem det samarbeides med", "other party"),
    "withdrawn_on": ("dagen samtykket ble trukket", "day it was withdrawn"),
}
"""By the name of a field: Norwegian, English."""
