"""The ids of a share: keyed, so that they tell nothing; stable, so that an item has the same in every view.

The plan's own id is the same for all. Every other id in a view is the share's own, a letter and 19 of a-z and 2-7, but
for what the participant added itself: that keeps, in its views, the id that the participant gave it. The first nine
letters of all ids of a share are the same (`share_tag`): by them the share is found that an id belongs to. What the
participant adds without an id of its own is given one that begins with them, too (`given_id`).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from functools import lru_cache
from itertools import count
from string import ascii_lowercase
from typing import TYPE_CHECKING

from ip_fhir.domain.values.ids import find_person_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ip_fhir.domain.sharing.share import Share

_FORM = re.compile(r"[a-z][a-z2-7]{19}")
_GIVEN = re.compile(r"[a-z][a-z2-7]{8}-[a-z][a-z2-7]{19}")
_VIEW, _ADDED, _TAG, _NEW = b"view", b"added", b"tag", b"new"  # uses of one key
_TAG_LENGTH = 9


def view_id(share: Share, plan_id: str) -> str:
    """Returns the id, in the views of a share, of what has the id `plan_id` in the plan.

    >>> from ip_fhir.domain.sharing.share import Share
    >>> share = Share(id="s", plan="p", party="nordvik-skole", key="00" * 32, began="2026-01-12")
    >>> view_id(share, "goal-1") == view_id(share, "goal-1"), len(view_id(share, "goal-1"))
    (True, 20)
    >>> view_id(share, "p")
    'p'
    """
    return ids_of(share)[plan_id]


def ids_of(share: Share) -> Mapping[str, str]:
    """Returns the ids in the views by those in the plan; one that was not asked for before is made when it is."""
    known = _keyed(share.key, share.plan)
    return Ids(share.key, {pair.plan: pair.view for pair in share.book}, known) if share.book else known


def added_id(share: Share, given: str) -> str:
    """Returns the id in the plan of what the participant added with the id `given`; the same each time."""
    return _made(share.key, given, _ADDED)


def given_id(share: Share, content: str) -> str:
    """Returns an id for what the participant adds without one; the same for the same content.

    >>> from ip_fhir.domain.sharing.share import Share
    >>> share = Share(id="s", plan="p", party="nordvik-skole", key="00" * 32, began="2026-01-12")
    >>> tag_in(given_id(share, "{}")) == share_tag(share.key), is_own(given_id(share, "{}"))
    (True, False)
    """
    made = (f"{share_tag(share.key)}-{_digest(share.key, f'{turn}{content}', _NEW)}" for turn in count())
    return next(one for one in made if not find_person_number(one))


@lru_cache(maxsize=1024)
def share_tag(key: str) -> str:
    """Returns the letters with which all ids begin that are made of a share's key.

    >>> len(share_tag("00" * 32)), tag_in(share_tag("00" * 32) + "aaaaaaaaaaa") == share_tag("00" * 32)
    (9, True)
    """
    return _digest(key, "", _TAG)[:_TAG_LENGTH]


def tag_in(ident: str) -> str | None:
    """Returns the tag of the share that an id was made for; None if it has not the form of such an id."""
    return ident[:_TAG_LENGTH] if is_own(ident) or _GIVEN.fullmatch(ident) else None


def is_own(ident: str) -> bool:
    """True if an id has the form of those that the holder makes; a participant gives no such id.

    >>> is_own("goal-1"), is_own("abcdefghijklmnopqrst")
    (False, True)
    """
    return _FORM.fullmatch(ident) is not None


class Ids(dict[str, str]):
    """Ids in the views of a share by those in the plan. `first` are those that the participant gave."""

    def __init__(self, key: str, first: Mapping[str, str], known: Mapping[str, str] | None = None) -> None:
        super().__init__(first)
        self._key, self._known = key, known

    def __missing__(self, plan_id: str) -> str:
        """Makes the id, and remembers it."""
        made = _made(self._key, plan_id, _VIEW) if self._known is None else self._known[plan_id]
        self[plan_id] = made
        return made


@lru_cache(maxsize=256)
def _keyed(key: str, plan: str) -> Ids:
    """Returns the ids that are made of a key; those of the shares that were used last are remembered."""
    return Ids(key, {plan: plan})


def _made(key: str, ident: str, use: bytes) -> str:
    """Returns the first id made of key, id and use that has no person's number in it, by an accident of its digits."""
    made = (share_tag(key) + _digest(key, f"{turn}{ident}", use)[_TAG_LENGTH:] for turn in count())
    return next(one for one in made if not find_person_number(one))


def _digest(key: str, text: str, use: bytes) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=13, key=bytes.fromhex(key), person=use).digest()
    return ascii_lowercase[digest[0] % 26] + b32encode(digest[1:]).decode()[:19].lower()
