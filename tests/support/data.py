"""The examples' data, and a way to change one place in them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
ABSENT = object()


def example(folder: str, number: str) -> dict[str, Any]:
    """The first example of that number: `example("plans", "01")`."""
    file = min((EXAMPLES / folder).glob(f"{number}-*.json"))
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def changed(data: Any, path: str, value: Any) -> Any:
    """A copy with `value` at the dotted `path` ("goals.0.part_of"); `ABSENT` takes away what is there."""
    copy = deepcopy(data)
    *above, last = path.split(".")
    place = copy
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    key: Any = int(last) if isinstance(place, list) else last
    if value is ABSENT:
        place.pop(key)
    elif isinstance(place, list) and key == len(place):
        place.append(value)
    else:
        place[key] = value
    return copy


def parts(data: Any, above: tuple[str, ...] = ()) -> list[str]:
    """The dotted path of everything in the data, the whole left out."""
    steps = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found: list[str] = []
    for step, part in steps:
        path = (*above, str(step))
        found += [".".join(path), *parts(part, path)]
    return found
