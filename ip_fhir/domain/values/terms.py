"""Code lists that plan, consent, notice and agreement share: life areas and legal bases."""

from enum import StrEnum


class LifeArea(StrEnum):
    """The eleven areas of life that a plan may concern, as in the municipalities' application forms."""

    SOCIAL_NETWORK = "social-network"
    TREATMENT = "treatment"  # treatment, training, medicines
    EDUCATION = "education"  # education, guidance, adaptation, aids
    ECONOMY = "economy"  # economy and benefits
    TRANSPORT = "transport"  # transport and mobility
    HOUSEHOLD = "household"  # housework, hygiene, dressing
    FOOD = "food"  # food and meals
    WORK = "work"  # work, employment, day activity
    HOUSING = "housing"
    LEISURE = "leisure"  # leisure and holidays
    FAMILY = "family"  # needs of parents, spouse, children


class LegalBasis(StrEnum):
    """The section of law that gives the right or the duty to a plan, a coordinator or a notice.

    `NOT_VERIFIED` are those whose number or reach nobody has checked in the law's own text. Source of the others: the
    laws at lovdata.no as of 2026, and the directorate's guide on rehabilitation and coordinating units.
    """

    PBRL_2_5 = "pbrl-2-5"  # patient's right to an individual plan
    PBRL_2_5B = "pbrl-2-5b"  # patient's right to a coordinator
    PBRL_2_5C = "pbrl-2-5c"  # right to a child coordinator
    HOL_7_1 = "hol-7-1"  # the municipality's duty: plan
    HOL_7_2 = "hol-7-2"  # coordinator
    HOL_7_2A = "hol-7-2a"  # child coordinator
    HOL_7_3 = "hol-7-3"  # coordinating unit
    SPHLSL_2_5 = "sphlsl-2-5"  # the hospital's duty: plan, notice
    SPHLSL_2_5A = "sphlsl-2-5a"  # coordinator in the specialist health service
    SPHLSL_2_5B = "sphlsl-2-5b"  # coordinating unit in the hospital trust
    PHVL_4_1 = "phvl-4-1"  # mental health care
    NAVL_15 = "navl-15"  # labour and welfare administration
    SOTJL_28 = "sotjl-28"  # social services
    SOTJL_33 = "sotjl-33"  # the qualification programme (KVP): its participants' right to a plan
    BVL_15_9 = "bvl-15-9"  # child welfare
    HPL_38A = "hpl-38a"  # health personnel's duty to notify the coordinating unit, of hospital and municipality
    OPPLL_15_8 = "oppll-15-8"  # school: to take part in the plan; the act of 1998, renumbered in that of 2023
    BHGL_2B = "bhgl-2b"  # kindergarten: to take part in the plan


NOT_VERIFIED = frozenset(
    {
        *(LegalBasis.NAVL_15, LegalBasis.SOTJL_28, LegalBasis.SOTJL_33, LegalBasis.BVL_15_9),
        *(LegalBasis.HPL_38A, LegalBasis.OPPLL_15_8, LegalBasis.BHGL_2B),
    }
)
"""Sections that are to be checked before a release: sotjl § 33 as told by users; opplæringslova § 15-8 by Prop. 57 L
(2022-2023) ch. 23; barnehageloven § 2 b by Prop. 100 L (2020-2021); hpl § 38 a by the directorate's guide, 13.5."""
