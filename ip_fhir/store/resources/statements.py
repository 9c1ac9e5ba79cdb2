"""SQL statements about FHIR resources and the parties that may find them; named as in `ip_fhir.store.statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import (
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from ip_fhir.domain.loop.table import OVER
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.store.schema import about_person, referral, resource, taking_part, token
from ip_fhir.store.statements import insert_unless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import BindParameter, ColumnElement, CompoundSelect, Select, Subquery

    from ip_fhir.ports.resources import SearchOrder

_same = and_(resource.c.type == bindparam("type"), resource.c.id == bindparam("id"))
_this = and_(resource.c.type == bindparam("of_type"), resource.c.id == bindparam("of_id"))

CURRENT: Final = select(resource).where(_this).order_by(resource.c.version.desc()).limit(1)
"""The current version of a resource."""

VERSIONS: Final = select(resource).where(_this).order_by(resource.c.version.desc()).limit(bindparam("at_most"))
"""The versions of a resource, latest first."""

EARLIER: Final = VERSIONS.where(resource.c.version < bindparam("before"))
"""Those with a lower number."""

RETIRE: Final = (
    update(resource).where(_this, resource.c.version == bindparam("expected"), resource.c.current).values(current=False)
)
"""Marks the current version as an old one; matches nothing if it is not the current one."""

ADD_VERSION: Final = insert_unless(resource, and_(_same, resource.c.version >= bindparam("version")))
"""The new current version; adds nothing when there is such a one, or a later."""

DROP_TOKENS: Final = delete(token).where(token.c.type == bindparam("of_type"), token.c.id == bindparam("of_id"))
"""Deletes the search tokens of a resource."""

ADD_TOKENS: Final = insert(token)
"""Adds the search tokens of a resource."""

# --- parties

_of_aggregate = and_(
    taking_part.c.aggregate_kind == bindparam("of_kind"), taking_part.c.aggregate_id == bindparam("of_id")
)

PARTIES: Final = select(taking_part.c.basis, taking_part.c.party).where(_of_aggregate)
"""The parties that an aggregate concerns."""

DROP_PARTIES: Final = delete(taking_part).where(_of_aggregate)
"""Deletes the parties of an aggregate."""

ADD_PARTIES: Final = insert(taking_part)
"""Adds parties of an aggregate."""

HOLD: Final = (
    select(referral.c.revision).where(referral.c.correlation_id == bindparam("correlation_id")).with_for_update()
)
"""Keeps a referral as it is until the end of the transaction, where a database has several writers."""

# --- persons

ADD_PERSON: Final = insert(about_person)
"""Adds the person whom an aggregate is about."""

_is_over = or_(*(referral.c.state == state.value for state in OVER))

OTHERS_ABOUT: Final = (
    select(referral.c.correlation_id)
    .join(about_person, about_person.c.aggregate_id == referral.c.correlation_id)
    .where(
        about_person.c.person == bindparam("person"),
        about_person.c.aggregate_kind == REFERRAL,
        referral.c.correlation_id != bindparam("of_id"),
        not_(_is_over),
    )
    .order_by(referral.c.correlation_id)
    .limit(bindparam("at_most"))
)
"""Other referrals about a person that are not over."""

_no_index = literal("")  # joined to a column, it keeps the database from choosing that column's index

_of_referrals = select(taking_part.c.aggregate_id).where(taking_part.c.aggregate_kind + _no_index == REFERRAL)

WITHOUT_PARTIES: Final[CompoundSelect[tuple[str]]] = union_all(
    _of_referrals.where(taking_part.c.basis < bindparam("basis")),  # not `<>`, for which no index is used
    _of_referrals.where(taking_part.c.basis > bindparam("basis")),
).limit(bindparam("at_most"))
"""Referrals whose parties were found by other settings, or not at all. One may come several times."""

# --- search

_PLACE: Final = (resource.c.aggregate_kind, resource.c.aggregate_id, resource.c.id)
_AFTER: Final = tuple_(*map(bindparam, ("after_kind", "after_aggregate", "after_id")))
_AFTER_TIME: Final[tuple[BindParameter[Any], ...]] = (bindparam("after_time"), bindparam("after_id"))
_COMMON: Final = frozenset({"status"})  # tokens that many resources have

_about = select(about_person.c.aggregate_id).where(
    about_person.c.person == bindparam("of_person"), about_person.c.aggregate_kind == REFERRAL
)

_BOUNDS: Final = {
    "of_person": and_(resource.c.aggregate_kind == REFERRAL, resource.c.aggregate_id.in_(_about)),
    "updated_from": resource.c.updated >= bindparam("updated_from"),
    "updated_before": resource.c.updated < bindparam("updated_before"),
}

Matching: TypeAlias = "Select[Any]"


Names: TypeAlias = "Sequence[tuple[str, int]]"
"""Names of tokens, each with the number of values of which a resource has one."""


def search(
    names: Names,
    *,
    by_id: int,
    by_referral: bool,
    parties: int | None,
    after: bool,
    by: Sequence[str] = (),
    order: SearchOrder = "place",
) -> Matching:
    """Current versions that have every token: parameters `of_type`, `at_most`, and `value_0_0` … for `names`.

    With `of_id_0` … (`by_id` of them), `of_referral`, `party_0` … and `basis`, those of `_BOUNDS` that `by` names, and
    the place `after_kind`, `after_aggregate`, `after_id` (of another `order`: `after_time`, `after_id`) where those are
    asked for. `parties` is the number of parties; None finds resources of any aggregate.
    """
    few = by_id or by_referral or "of_person" in by or not _COMMON.issuperset(name for name, _ in names)
    place: tuple[ColumnElement[str], ...] = _PLACE
    if parties is None or few:
        found = select(resource).where(resource.c.type == bindparam("of_type"))
        if parties is not None:
            found = found.where(_concerns(parties))
    else:
        theirs = _theirs(parties, after=after and order == "place")
        found, place = _of(theirs), (theirs.c.aggregate_kind, theirs.c.aggregate_id, resource.c.id)
    found = _matching(found, names, by_id=by_id, by_referral=by_referral).where(*(_BOUNDS[name] for name in by))
    if order == "place":
        found = found.where(tuple_(*place) > _AFTER) if after else found
        return found.order_by(*place).limit(bindparam("at_most"))
    return _by_time(found, order, after=after).limit(bindparam("at_most"))


def _by_time(found: Matching, order: SearchOrder, *, after: bool) -> Matching:
    at, place, beyond = resource.c.updated, tuple_(resource.c.updated, resource.c.id), tuple_(*_AFTER_TIME)
    if order == "oldest":
        found = found.where(place > beyond) if after else found
        return found.order_by(at, resource.c.id)
    found = found.where(place < beyond) if after else found
    return found.order_by(at.desc(), resource.c.id.desc())


def count(names: Names, *, by_id: int, by_referral: bool, parties: int, by: Sequence[str] = ()) -> Matching:
    """The number of resources that `search` finds in all its pages, up to `at_most`."""
    found = search(names, by_id=by_id, by_referral=by_referral, parties=parties, after=False, by=by)
    found = found.with_only_columns(literal(1)).order_by(None)
    return select(func.count()).select_from(found.subquery())


def _one_of(parties: int) -> ColumnElement[bool]:
    names = or_(*(taking_part.c.party == bindparam(f"party_{number}") for number in range(parties)))
    return and_(taking_part.c.basis == bindparam("basis"), names)


def _concerns(parties: int) -> ColumnElement[bool]:
    """A test that a resource concerns one of so many parties: where a criterion finds few resources, each is asked."""
    kind, ident = taking_part.c.aggregate_kind, taking_part.c.aggregate_id
    return exists().where(_one_of(parties), kind == resource.c.aggregate_kind, ident == resource.c.aggregate_id)


def _theirs(parties: int, *, after: bool) -> Subquery:
    """The aggregates that concern one of so many parties, each once: where criteria find many, the search begins here.

    So it takes no longer for the many loops of others.
    """
    found = select(taking_part.c.aggregate_kind, taking_part.c.aggregate_id).where(_one_of(parties))
    if after:
        here = tuple_(taking_part.c.aggregate_kind, taking_part.c.aggregate_id)
        found = found.where(here >= tuple_(bindparam("after_kind"), bindparam("after_aggregate")))
    return (found.distinct() if parties > 1 else found).subquery("theirs")


def _of(theirs: Subquery) -> Matching:
    kind, ident = resource.c.aggregate_kind, resource.c.aggregate_id
    same = and_(kind == theirs.c.aggregate_kind, ident == theirs.c.aggregate_id)
    found = select(resource).select_from(theirs.join(resource, same))
    return found.where(resource.c.type + _no_index == bindparam("of_type"))


def _matching(found: Matching, names: Names, *, by_id: int, by_referral: bool) -> Matching:
    found = found.where(resource.c.current)
    if by_id:
        found = found.where(_is_one_of(resource.c.id, "of_id", by_id))
    if by_referral:
        of_referral = resource.c.aggregate_id == bindparam("of_referral")
        found = found.where(resource.c.aggregate_kind == REFERRAL, of_referral)
    for number, (name, values) in enumerate(names):
        hit = token.alias(f"token_{number}")
        value = _is_one_of(hit.c.value, f"value_{number}", values)
        has = and_(hit.c.type == bindparam("of_type"), hit.c.name == name, value)
        if name in _COMMON:
            found = found.where(exists().where(has, hit.c.id == resource.c.id))
        else:
            found = found.where(resource.c.id.in_(select(hit.c.id).where(has)))
    return found


def _is_one_of(column: ColumnElement[str], parameter: str, number: int) -> ColumnElement[bool]:
    return or_(*(column == bindparam(f"{parameter}_{index}") for index in range(number)))
