"""References of resources that are written to a server where they have other names, or where some are not written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_HERE: Final = "not on this server"
"""The display of a reference to a resource that is not written."""


def linked(node: Any, names: Mapping[str, str | None]) -> Any:
    """Returns a copy of a resource in which references have other names; with None a reference has words instead.

    A server that checks references refuses one to nothing, and one to another host.

    >>> linked({"subject": {"reference": "Patient/1"}, "owner": {"reference": "Organization/2"}},
    ...        {"Patient/1": "Patient/77", "Organization/2": None})
    {'subject': {'reference': 'Patient/77'}, 'owner': {'display': 'not on this server'}}
    """
    if type(node) is list:
        return [linked(item, names) for item in node]
    if type(node) is not dict:
        return node
    copy = {key: linked(value, names) for key, value in node.items()}
    reference = copy.get("reference")
    if type(reference) is str and reference in names:
        name = names[reference]
        if name is None:
            del copy["reference"]
            copy.setdefault("display", NOT_HERE)
        else:
            copy["reference"] = name
    return copy
