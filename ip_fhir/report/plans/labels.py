"""The labels and headings of plans in words, Norwegian and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language


def label(key: str, language: Language) -> str:
    """Returns a label by its key."""
    norwegian, english = LABELS[key]
    return norwegian if language == "nb" else english


def quoted(text: str, language: Language) -> str:
    """Returns a text as somebody's own words.

    >>> quoted("Jeg vil ut.", "nb"), quoted("Out.", "en")
    ('«Jeg vil ut.»', '“Out.”')
    """
    return f"«{text}»" if language == "nb" else f"“{text}”"


LABELS: Final[dict[str, tuple[str, str]]] = {
    "plan-for": ("Individuell plan for", "Individual plan of"),
    "born": ("født", "born"),
    "died": ("død", "died"),
    "dead": ("personen er død", "the person is dead"),
    "status": ("Status", "Status"),
    "version": ("versjon", "version"),
    "changed": ("sist endret", "last changed"),
    "by": ("av", "by"),
    "period": ("Planperiode", "Plan period"),
    "basis": ("Hjemmel", "Legal basis"),
    "unit": ("Koordinerende enhet", "Coordinating unit"),
    "speaks": ("Språk", "Language"),
    "interpreter": ("trenger tolk", "needs an interpreter"),
    "reach": ("Kontakt", "Contact"),
    "address": ("Adresse", "Address"),
    "withheld": ("Vises ikke her", "Not shown here"),
    "coordinator": ("Koordinator", "Coordinator"),
    "nobody": ("ingen for tiden", "nobody at present"),
    "appointed-by": ("oppnevnt av", "appointed by"),
    "mentor": ("Fadder", "Mentor"),
    "wish-honoured": ("personens ønske er fulgt", "the person's wish is honoured"),
    "wish-refused": ("Personens ønske er ikke fulgt", "The person's wish is not honoured"),
    "two-coordinators": ("To koordinatorer samtidig fordi", "Two coordinators at once because"),
    "earlier": ("Tidligere", "Earlier"),
    "later": ("Senere", "Later"),
    "goals": ("Mål og tiltak", "Goals and measures"),
    "reached-when": ("Målet er nådd når", "Reached when"),
    "areas": ("Livsområder", "Life areas"),
    "said-by": ("Sagt av", "Said by"),
    "note": ("Merknad", "Note"),
    "measure": ("Tiltak", "Measure"),
    "see-also": ("Se også tiltak", "See also measure"),
    "other-measures": ("Andre tiltak", "Other measures"),
    "responsible": ("Ansvarlig", "Responsible"),
    "with": ("Med", "With"),
    "extent": ("Omfang", "Extent"),
    "how": ("Hvordan", "How"),
    "where": ("Sted", "Where"),
    "resources": ("Ressurser", "Strengths"),
    "needs": ("Behov", "Needs"),
    "contributions": ("Bidrag", "Contributions"),
    "cooperation": ("Samarbeid med andre", "Cooperation with others"),
    "team": ("Team", "Team"),
    "task": ("Oppgave", "Task"),
    "for": ("for", "for"),
    "relatives": ("Pårørende og representanter", "Relatives and representatives"),
    "next-of-kin": ("nærmeste pårørende", "next of kin"),
    "represents": ("Representerer personen", "Represents the person"),
    "reviews": ("Gjennomgang av planen", "Reviews of the plan"),
    "every": ("hver {}. måned", "every {} months"),
    "outcome": ("Resultat", "Outcome"),
    "passed": ("dagen er passert", "the day has passed"),
    "planned-for": ("planlagt", "planned for"),
    "consents": ("Samtykker", "Consents"),
    "no-consents": ("Det er ikke registrert noe samtykke.", "No consent is recorded."),
    "from": ("fra", "from"),
    "until": ("til", "until"),
    "until-incl": ("til og med", "until"),
    "person": ("personen selv", "the person"),
    "checked": ("kontrollert med personen", "checked with the person"),
    "draft": ("utkast, gjelder ikke", "draft, does not count"),
    "refused": ("personen har sagt nei", "the person said no"),
    "withdrawn": ("trukket", "withdrawn"),
    "yes-to": ("Ja til", "Yes to"),
    "no-to": ("Nei til", "No to"),
    "otherwise-yes": ("Ellers: ja til alle", "Otherwise: yes to all"),
    "otherwise-no": ("Ellers: nei til alle", "Otherwise: no to all"),
    "to-all": ("Ja til alle", "Yes to all"),
    "to-none": ("Nei til alle", "No to all"),
    "all": ("alle", "everybody"),
    "about": ("om", "about"),
    "who-sees": ("Hvem som får se hva, {}", "Who may see what, {}"),
    "sees-all": ("Alt", "All"),
    "sees-all-but": ("Alt unntatt", "All but"),
    "sees-only": ("Bare", "Only"),
    "sees-nothing": ("Ingenting", "Nothing"),
    "general": ("det som ikke hører til noe livsområde", "what belongs to no life area"),
    "too-many": (
        "Samtykkene er for mange til å vises samlet her.",
        "The consents are too many to be shown together here.",
    ),
    "view-of": ("Utsnitt av individuell plan for", "View of the individual plan of"),
    "number": ("Utsnitt nr.", "View no."),
    "since-share": ("delt siden", "shared since"),
    "holds": ("Gjelder", "Holds"),
    "holds-open": ("til et nyere kommer", "until a newer one comes"),
    "over": (
        "Utsnittet gjelder ikke lenger, og vises derfor ikke.",
        "The view no longer holds, and is therefore not shown.",
    ),
    "level": ("Avtalen åpner for", "The agreement lets through"),
    "open-areas": ("Åpent for oss", "Open to us"),
    "opens": ("Åpnes senere", "Opens later"),
    "nothing-open": ("ingen livsområder", "no life areas"),
    "hint": (
        "Dette er ikke hele planen. Det som ikke står her, kan finnes i planen likevel.",
        "This is not the whole plan. What does not stand here may stand in the plan all the same.",
    ),
}
"""By key: Norwegian, English."""

SPOKEN: Final[dict[str, tuple[str, str]]] = {
    "no": ("norsk", "Norwegian"),
    "nb": ("bokmål", "Norwegian (Bokmål)"),
    "nn": ("nynorsk", "Norwegian (Nynorsk)"),
    "se": ("nordsamisk", "Northern Sami"),
    "smj": ("lulesamisk", "Lule Sami"),
    "sma": ("sørsamisk", "South Sami"),
    "fkv": ("kvensk", "Kven"),
    "nsl": ("norsk tegnspråk", "Norwegian Sign Language"),
    "en": ("engelsk", "English"),
    "sv": ("svensk", "Swedish"),
    "da": ("dansk", "Danish"),
    "fi": ("finsk", "Finnish"),
    "pl": ("polsk", "Polish"),
    "lt": ("litauisk", "Lithuanian"),
    "uk": ("ukrainsk", "Ukrainian"),
    "ru": ("russisk", "Russian"),
    "ar": ("arabisk", "Arabic"),
    "so": ("somali", "Somali"),
    "ti": ("tigrinja", "Tigrinya"),
    "tr": ("tyrkisk", "Turkish"),
    "fa": ("persisk", "Persian"),
    "ur": ("urdu", "Urdu"),
}
"""By the code of a language (BCP 47): Norwegian, English."""
