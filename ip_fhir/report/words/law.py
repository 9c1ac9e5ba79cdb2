"""Words for the law, in Norwegian (bokmål) and English: its sections, the rules of consent, the items of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.permission import Rule
from ip_fhir.domain.values.terms import LegalBasis

if TYPE_CHECKING:
    from enum import StrEnum

LEGAL_WORDS: Final[dict[type[StrEnum], dict[StrEnum, tuple[str, str]]]] = {
    Rule: {
        Rule.DECEASED: ("nei: personen er død", "no: the person is dead"),
        Rule.NO_CONSENT: ("nei: det er ikke gitt samtykke til å dele", "no: there is no consent to sharing"),
        Rule.NOT_GIVEN: (
            "nei: samtykket er et utkast eller ikke gitt ennå",
            "no: the consent is a draft or not yet given",
        ),
        Rule.REFUSED: ("nei: personen har sagt nei", "no: the person said no"),
        Rule.WITHDRAWN: ("nei: samtykket er trukket", "no: the consent is withdrawn"),
        Rule.PERIOD: ("nei: samtykket gjelder ikke den dagen", "no: the consent does not hold on that day"),
        Rule.REPRESENTATIVE: (
            "nei: den som samtykket, hadde ikke fullmakt den dagen",
            "no: the one who consented had no mandate that day",
        ),
        Rule.OF_AGE: (
            "nei: en forelder samtykket for en som er gammel nok til å samtykke selv",
            "no: a parent consented for somebody who is old enough to consent alone",
        ),
        Rule.AGE_NOT_KNOWN: (
            "nei: en forelder samtykket, og fødselsdatoen er ikke sikkert kjent",
            "no: a parent consented, and the birth date is not known for certain",
        ),
        Rule.UNDER_AGE: (
            "nei: personen var for ung til å samtykke alene",
            "no: the person was too young to consent alone",
        ),
        Rule.RECIPIENT: (
            "nei: samtykket omfatter ikke denne mottakeren eller dette livsområdet",
            "no: the consent does not cover this recipient or life area",
        ),
        Rule.DISAGREE: ("nei: to samtykker er uenige", "no: two consents disagree"),
    },
    LegalBasis: {
        LegalBasis.PBRL_2_5: ("pasient- og brukerrettighetsloven § 2-5", "Patients' and Users' Rights Act § 2-5"),
        LegalBasis.PBRL_2_5B: ("pasient- og brukerrettighetsloven § 2-5 b", "Patients' and Users' Rights Act § 2-5b"),
        LegalBasis.PBRL_2_5C: ("pasient- og brukerrettighetsloven § 2-5 c", "Patients' and Users' Rights Act § 2-5c"),
        LegalBasis.HOL_7_1: ("helse- og omsorgstjenesteloven § 7-1", "Health and Care Services Act § 7-1"),
        LegalBasis.HOL_7_2: ("helse- og omsorgstjenesteloven § 7-2", "Health and Care Services Act § 7-2"),
        LegalBasis.HOL_7_2A: ("helse- og omsorgstjenesteloven § 7-2 a", "Health and Care Services Act § 7-2a"),
        LegalBasis.HOL_7_3: ("helse- og omsorgstjenesteloven § 7-3", "Health and Care Services Act § 7-3"),
        LegalBasis.SPHLSL_2_5: ("spesialisthelsetjenesteloven § 2-5", "Specialist Health Services Act § 2-5"),
        LegalBasis.SPHLSL_2_5A: ("spesialisthelsetjenesteloven § 2-5 a", "Specialist Health Services Act § 2-5a"),
        LegalBasis.SPHLSL_2_5B: ("spesialisthelsetjenesteloven § 2-5 b", "Specialist Health Services Act § 2-5b"),
        LegalBasis.PHVL_4_1: ("psykisk helsevernloven § 4-1", "Mental Health Care Act § 4-1"),
        LegalBasis.NAVL_15: ("NAV-loven § 15", "Labour and Welfare Administration Act § 15"),
        LegalBasis.SOTJL_28: ("sosialtjenesteloven § 28", "Social Services Act § 28"),
        LegalBasis.SOTJL_33: ("sosialtjenesteloven § 33", "Social Services Act § 33"),
        LegalBasis.BVL_15_9: ("barnevernsloven § 15-9", "Child Welfare Act § 15-9"),
        LegalBasis.HPL_38A: ("helsepersonelloven § 38 a", "Health Personnel Act § 38a"),
        LegalBasis.OPPLL_15_8: ("opplæringslova (1998) § 15-8", "Education Act (1998) § 15-8"),
        LegalBasis.BHGL_2B: ("barnehageloven § 2 b", "Kindergarten Act § 2b"),
    },
}
"""By enumeration and member: Norwegian, English."""

LAW_ITEMS_NB: Final = {
    "goals, resources and need for services": "mål, ressurser og behov for tjenester",
    "who takes part in the work on the plan": "hvem som deltar i arbeidet med planen",
    "who is responsible for coordination and progress": "hvem som har ansvar for samordning og framdrift",
    "what the person, the services and the relatives contribute": "hva personen, tjenestene og de pårørende bidrar med",
    "measures, their extent and who is responsible": "tiltak, omfang og hvem som har ansvar",
    "how the measures are carried out": "hvordan tiltakene gjennomføres",
    "the plan period and times for adjustment and revision": "planperiode og tidspunkt for justering og revisjon",
    "consent to the plan and, where it applies, to sharing": "samtykke til planen og eventuelt til deling",
    "cooperation with other services that is needed or wished for": "samarbeid med andre som trengs eller ønskes",
    "goals": "mål",
    "the person's resources": "personens ressurser",
    "need for services": "behov for tjenester",
    "the person among those who take part": "personen selv blant dem som deltar",
    "what the person contributes": "hva personen bidrar med",
    "what the services contribute": "hva tjenestene bidrar med",
    "what the relatives contribute": "hva de pårørende bidrar med",
    "measures": "tiltak",
    "the extent of every measure": "omfanget av hvert tiltak",
    "who is responsible for every measure": "hvem som har ansvar for hvert tiltak",
    "how every measure is carried out": "hvordan hvert tiltak gjennomføres",
    "the plan period": "planperiode",
    "when and how the plan is followed up": "når og hvordan planen følges opp",
    "when and how the plan is evaluated": "når og hvordan planen evalueres",
    "consent to the plan": "samtykke til planen",
    "consent to sharing confidential information, where it applies": "samtykke til å dele taushetsbelagte opplysninger",
    "cooperation with others that is needed or wished for": "samarbeid med andre som trengs eller ønskes",
}
"""The items of the regulation, and what a plan may lack of them, in Norwegian by the English words."""
