"""The other party, played by a script: for the tests of whoever connects a system to this library's.

    from ip_fhir.mock import MockOptions, NoticeScript, Policy, played

    with played(read_settings("hospital.toml"), MockOptions("municipality", Policy(NoticeScript.INCOMPLETE))):
        ...                                       # send it notices, as to the real one

It is an ordinary side, with its own store, whose people are a script. `ip-fhir mock` runs one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.mock.names import AnswerScript, NoticeScript, ShareScript
    from ip_fhir.mock.opening import MockOptions
    from ip_fhir.mock.running import played
    from ip_fhir.mock.scripts import Policy

__all__ = ["AnswerScript", "MockOptions", "NoticeScript", "Policy", "ShareScript", "played"]

_HOME = {
    "AnswerScript": "names",
    "MockOptions": "opening",
    "NoticeScript": "names",
    "Policy": "scripts",
    "ShareScript": "names",
    "played": "running",
}


def __getattr__(name: str) -> Any:
    """Load a name at its first use: a command line that shows its help needs no server."""
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
