"""For the tests of those who embed or extend the library: contract suites and stand-ins. The suites need pytest.

from ip_fhir.testing import StoreContract

class TestOurStore(StoreContract): ...

A store that does more than keep loops has a suite for each further capability: `ReceiptContract`, `WorklistContract`,
`AggregateContract`. `HandingOver` is an adapter that gives no receipt, `only_loops` a store without the capabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.testing.fakes import HandingOver, only_loops
    from ip_fhir.testing.store_contract import StoreContract
    from ip_fhir.testing.store_contract_aggregates import AggregateContract
    from ip_fhir.testing.store_contract_receipts import ReceiptContract
    from ip_fhir.testing.store_contract_worklist import WorklistContract

__all__ = [
    "AggregateContract",
    "HandingOver",
    "ReceiptContract",
    "StoreContract",
    "WorklistContract",
    "only_loops",
]

_MODULES = {
    "AggregateContract": "store_contract_aggregates",
    "HandingOver": "fakes",
    "ReceiptContract": "store_contract_receipts",
    "StoreContract": "store_contract",
    "WorklistContract": "store_contract_worklist",
    "only_loops": "fakes",
}


def __getattr__(name: str) -> Any:
    """Load a suite or a stand-in when it is asked for; a suite's asserts say what they compared."""
    if name not in _MODULES:
        raise AttributeError(name)
    from importlib import import_module

    if name.endswith("Contract"):
        _say_what_was_compared()
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def _say_what_was_compared() -> None:
    """Have pytest rewrite the asserts of every suite that is not loaded yet, whatever parts the suites have."""
    import sys
    from pkgutil import iter_modules

    import pytest

    parts = [f"{__name__}.{module.name}" for module in iter_modules(__path__) if "_contract" in module.name]
    pytest.register_assert_rewrite(*(part for part in parts if part not in sys.modules))
