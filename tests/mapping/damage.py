"""Damage to JSON: one random change somewhere, of the kinds that bad senders and bad merges make."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

_ODD: tuple[Any, ...] = (None, "", " ", "x", "2026-02-30", "2026", 0, -1, 1.5, True, [], {}, [None], {"reference": "x"})


def damaged(bundle: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A copy of the bundle with one thing wrong in it, or merely different."""
    changed = deepcopy(bundle)
    places = list(_places(changed))
    holder, key = chance.choice(places)
    chance.choice((_lose, _replace, _double, _swap, _wrap, _mark))(holder, key, places, chance)
    return changed


def _places(node: Any) -> Any:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in list(children):
        yield node, key
        yield from _places(child)


def _lose(holder: Any, key: Any, _places: Any, _chance: random.Random) -> None:
    del holder[key]


def _replace(holder: Any, key: Any, _places: Any, chance: random.Random) -> None:
    holder[key] = chance.choice(_ODD)


def _double(holder: Any, key: Any, _places: Any, _chance: random.Random) -> None:
    if isinstance(holder, list):
        holder.append(deepcopy(holder[key]))
    else:
        holder[f"{key}2"] = deepcopy(holder[key])


def _swap(holder: Any, key: Any, places: Any, chance: random.Random) -> None:
    """What stands elsewhere, of the same type: an id, a code, a reference that is another's."""
    others = [h[k] for h, k in places if type(h[k]) is type(holder[key])]
    holder[key] = deepcopy(chance.choice(others))


def _wrap(holder: Any, key: Any, _places: Any, _chance: random.Random) -> None:
    holder[key] = [holder[key]]


def _mark(holder: Any, key: Any, _places: Any, chance: random.Random) -> None:
    """What changes or limits a meaning, beside it."""
    marks = {
        "modifierExtension": [{"url": "https://other.example/not"}],
        "implicitRules": "https://other.example/rules",
        "purpose": [{"system": "x", "code": "y"}],
        "use": "old",
        "plannedActivityReference": {"reference": "x"},
        "extension": [{"url": "https://other.example/ext", "valueBoolean": True}],
    }
    at = holder if isinstance(holder, dict) else holder[key]
    if isinstance(at, dict):
        name = chance.choice(sorted(marks))
        at[name] = marks[name]
