"""For the tests of those who embed or extend the library: contract suites. Needs pytest.

from ip_fhir.testing import StoreContract

class TestOurStore(StoreContract): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.testing.store_contract import StoreContract

__all__ = ["StoreContract"]

_SUITES = {"StoreContract": "store_contract"}
_WITH_ASSERTS = ("store_contract", "store_contract_outbox", "store_contract_evidence")


def __getattr__(name: str) -> Any:
    """Load a suite when it is asked for, in such a way that its asserts say what they compared."""
    if name not in _SUITES:
        raise AttributeError(name)
    import sys
    from importlib import import_module

    import pytest

    parts = [f"{__name__}.{part}" for part in _WITH_ASSERTS]
    pytest.register_assert_rewrite(*(part for part in parts if part not in sys.modules))
    return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
