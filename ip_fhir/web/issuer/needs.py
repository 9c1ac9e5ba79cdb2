"""The scope that a request needs: a type of resource, and a letter: create, read, update, delete, search (SMART)."""

from __future__ import annotations

from typing import Final

_OF_METHOD: Final = {"GET": "r", "HEAD": "r", "PUT": "u", "PATCH": "u", "POST": "c", "DELETE": "d"}


def needed(method: str, path: str) -> tuple[str, str]:
    """Returns type and letters for a request; `path` is below the endpoint. What is about no one type needs `*`.

    A batch or transaction may hold every interaction, and needs all of them but to delete.

    >>> needed("GET", "/Task"), needed("POST", "/Task/_search"), needed("PUT", "/Task/1"), needed("POST", "/")
    (('Task', 's'), ('Task', 's'), ('Task', 'u'), ('*', 'crus'))
    """
    steps = [step for step in path.split("/") if step]
    if not steps and method == "POST":
        return "*", "crus"
    type_ = steps[0] if steps and steps[0][0].isupper() else "*"
    searches = type_ != "*" and (steps[1:] == ["_search"] or (method in ("GET", "HEAD") and len(steps) == 1))
    return type_, "s" if searches else _OF_METHOD.get(method, "u")
