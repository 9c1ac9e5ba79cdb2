"""Strategies for the small domain values: words, days, identifiers, people. See `strategies`.

No number here belongs to anybody: a person's number is from a test register (+40, +65, +80 to the month),
a D-number with a birth date that has not come yet, a common aid number or a made-up DUF number. `pools` makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import ParamSpec, TypeVar, cast

from hypothesis import strategies as st

from ip_fhir.domain.people import (
    Address,
    Attachment,
    ContactPoint,
    Gender,
    Mandate,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Profession,
    Professional,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.values.ids import (
    HerId,
    HprNumber,
    MunicipalityNumber,
    OrganizationNumber,
    PersonId,
    PersonIdKind,
    ReshId,
)
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from tests.support import pools
from tests.support.pools import optional, some_of, up_to_two

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


def reused(make: Callable[P, R]) -> Callable[P, R]:
    """Make each strategy once: building and checking one costs more than drawing from it."""
    return cast("Callable[P, R]", cache(make))


@reused
def maybe(values: tuple[T, ...]) -> st.SearchStrategy[T | None]:
    """One of them or, as often, None: one choice, where `st.none() | ...` is two."""
    return st.sampled_from(optional(values))


# --- words, days, times ------------------------------------------------------------------------------


@reused
def texts() -> st.SearchStrategy[str]:
    """Words for people: phrases that break careless code, and any letters that are no control characters."""
    return st.sampled_from(pools.TEXTS)


@reused
def ids() -> st.SearchStrategy[str]:
    """FHIR ids: one letter, a slug, a UUID, 64 characters."""
    return st.sampled_from(pools.IDS)


@reused
def dates() -> st.SearchStrategy[date]:
    """Days from 1900 to 2100."""
    return st.sampled_from(pools.DAYS)


@reused
def periods() -> st.SearchStrategy[Period]:
    """Periods open at either end, of one day, or of many."""
    return st.sampled_from(pools.PERIODS)


@reused
def moments() -> st.SearchStrategy[datetime]:
    """Moments with a time zone, some with parts of a second."""
    return st.sampled_from(pools.MOMENTS)


# --- identifiers -------------------------------------------------------------------------------------


@reused
def person_ids(kind: PersonIdKind | None = None) -> st.SearchStrategy[PersonId]:
    """A person's number of every kind, from every test register; some right only by the rule from 2032."""
    return st.sampled_from(pools.PERSON_IDS_OF[kind] if kind else pools.PERSON_IDS)


@reused
def organization_numbers() -> st.SearchStrategy[OrganizationNumber]:
    """Organisation numbers as in the test registers (first digit 2 or 3)."""
    return st.sampled_from(pools.ORGANIZATION_NUMBERS)


@reused
def hpr_numbers() -> st.SearchStrategy[HprNumber]:
    """Numbers of health personnel, of two to nine digits."""
    return st.sampled_from(pools.HPR_NUMBERS)


@reused
def her_ids() -> st.SearchStrategy[HerId]:
    """Communication parties."""
    return st.sampled_from(pools.HER_IDS)


@reused
def resh_ids() -> st.SearchStrategy[ReshId]:
    """Units of the specialist health service."""
    return st.sampled_from(pools.RESH_IDS)


@reused
def municipality_numbers() -> st.SearchStrategy[MunicipalityNumber]:
    """Municipality numbers, also with a leading zero."""
    return st.sampled_from(pools.MUNICIPALITY_NUMBERS)


# --- people and organisations ------------------------------------------------------------------------


@reused
def some(items: st.SearchStrategy[T], most: int = 2) -> st.SearchStrategy[tuple[T, ...]]:
    """None to `most` of them."""
    return st.lists(items, max_size=most).map(tuple)


@reused
def one_of(known: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    """One of the ids, or None."""
    return maybe(known) if known else st.none()


@reused
def several(known: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Up to two of the ids, each once."""
    return st.sampled_from(up_to_two(known))


@reused
def areas() -> st.SearchStrategy[tuple[LifeArea, ...]]:
    """Some life areas, each once."""
    return st.sampled_from(pools.AREAS)


@reused
def contact_points() -> st.SearchStrategy[ContactPoint]:
    """Ways to reach somebody."""
    return st.sampled_from(pools.CONTACT_POINTS)


@reused
def person_names() -> st.SearchStrategy[PersonName]:
    """Names with Norwegian and Sámi letters and combining characters."""
    return st.sampled_from(pools.PERSON_NAMES)


@reused
def addresses() -> st.SearchStrategy[Address]:
    """Addresses from nothing at all to everything."""
    return st.sampled_from(pools.ADDRESSES)


@reused
def attachments() -> st.SearchStrategy[Attachment]:
    """Documents by address or with their bytes."""
    return st.sampled_from(pools.ATTACHMENTS)


@reused
def mandates() -> st.SearchStrategy[Mandate]:
    """Rights to act for somebody."""
    return st.sampled_from(pools.MANDATES)


_OWNERS = some_of(
    name=pools.PERSON_NAMES,
    identifier=optional(pools.PERSON_IDS),
    birth_date=optional(pools.DAYS),
    contacts=pools.CONTACTS,
    address=optional(pools.ADDRESSES),
    deceased=optional(pools.DAYS),
)
_RELATED = some_of(
    name=pools.PERSON_NAMES,
    identifier=optional(pools.PERSON_IDS),
    contacts=pools.ONE_CONTACT,
    mandate=optional(pools.MANDATES),
)
_ORGANIZATIONS = some_of(
    name=pools.TEXTS,
    organization_number=optional(pools.ORGANIZATION_NUMBERS),
    her_id=optional(pools.HER_IDS),
    resh_id=optional(pools.RESH_IDS),
    municipality=optional(pools.MUNICIPALITY_NUMBERS),
    contacts=pools.ONE_CONTACT,
    address=optional(pools.ADDRESSES),
)
_PROFESSIONALS = some_of(
    name=pools.PERSON_NAMES,
    title=optional(pools.TEXTS),
    hpr_number=optional(pools.HPR_NUMBERS),
    her_id=optional(pools.HER_IDS),
    contacts=pools.ONE_CONTACT,
)


@reused
def owners(ident: str = "owner") -> st.SearchStrategy[PlanOwner]:
    """The person whose plan it is."""
    return st.builds(
        lambda said, dead, **more: PlanOwner(id=ident, dead=None if said["deceased"] else dead, **said, **more),
        st.sampled_from(_OWNERS),
        dead=st.sampled_from((None, None, False, True)),
        gender=maybe(tuple(Gender)),
        language=st.sampled_from((None, "nb", "nn", "se", "en-GB")),
        needs_interpreter=st.sampled_from((None, False, True)),
    )


@reused
def related_persons(ident: str = "related-1") -> st.SearchStrategy[RelatedPerson]:
    """Relatives and representatives."""
    return st.builds(
        lambda said, **more: RelatedPerson(id=ident, **said, **more),
        st.sampled_from(_RELATED),
        relationship=st.sampled_from(Relationship),
        next_of_kin=st.booleans(),
    )


@reused
def organizations(ident: str = "organization-1", above: tuple[str, ...] = ()) -> st.SearchStrategy[Organization]:
    """Organisations, perhaps part of one of those `above`."""
    return st.builds(
        lambda said, **more: Organization(id=ident, **said, **more),
        st.sampled_from(_ORGANIZATIONS),
        kind=st.sampled_from(OrganizationKind),
        part_of=one_of(above),
    )


@reused
def professionals(ident: str = "professional-1", works_in: tuple[str, ...] = ()) -> st.SearchStrategy[Professional]:
    """Professionals, with and without an HPR number."""
    return st.builds(
        lambda said, **more: Professional(id=ident, **said, **more),
        st.sampled_from(_PROFESSIONALS),
        organization=one_of(works_in),
        profession=maybe(tuple(Profession)),
    )
