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

    Nobody has checked those marked "not verified" in the law's own text; they are to be checked before a release.
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
    NAVL_15 = "navl-15"  # labour and welfare administration; as in a municipality's own list, not verified
    SOTJL_28 = "sotjl-28"  # social services; likewise
    BVL_15_9 = "bvl-15-9"  # child welfare; likewise
    # Participants in the qualification programme (KVP) have the right to a plan; told by users, not verified.
    SOTJL_33 = "sotjl-33"
    # Personnel of hospital and municipality, GPs too, notify the coordinating unit. Source: the directorate's guide on
    # rehabilitation, 13.5; not verified.
    HPL_38A = "hpl-38a"
    # School and PPT take part in the plan. Source: Prop. 57 L (2022-2023) ch. 23; the act of 2023, in force since
    # August 2024, has it under another number: not verified.
    OPPLL_15_8 = "oppll-15-8"
    # Kindergarten takes part in the plan. Source: Prop. 100 L (2020-2021); the number is not verified.
    BHGL_2B = "bhgl-2b"
