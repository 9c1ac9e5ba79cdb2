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

    Sections of other agencies' laws are to be checked before a release.
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
    BVL_15_9 = "bvl-15-9"  # child welfare


COORDINATOR_DUTIES = frozenset(
    {LegalBasis.PBRL_2_5B, LegalBasis.PBRL_2_5C, LegalBasis.HOL_7_2, LegalBasis.HOL_7_2A, LegalBasis.SPHLSL_2_5A}
)
"""Sections that make it a duty to offer a coordinator: a notice that asks only for one needs no consent to a plan."""
