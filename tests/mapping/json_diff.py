"""Where two JSON values differ, as paths: `Bundle.entry[3].resource.status`."""

from __future__ import annotations

from typing import Any


def differences(old: Any, new: Any, at: str = "") -> list[str]:
    """The deepest places where the two differ, in order; a missing member differs from every value."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*old, *(name for name in new if name not in old)]
        return [
            path for name in names for path in differences(old.get(name), new.get(name), f"{at}.{name}" if at else name)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [path for n, (a, b) in enumerate(zip(old, new, strict=True)) for path in differences(a, b, f"{at}[{n}]")]
    return [] if type(old) is type(new) and old == new else [at]
