"""Contract suites and fakes for the tests of systems that embed or extend the library. Needs pytest.

    from ip_fhir.testing import StoreContract

    class TestOurStore(StoreContract): ...

| seam                        | contract            | fake                                            |
|-----------------------------|---------------------|-------------------------------------------------|
| a store                     | `StoreContract`     | `only_loops(store)`: without capabilities       |
| a store's receipts          | `ReceiptContract`   | SQLite: `sqlite:///file`                        |
| rows that wait for a yes    | `HoldingContract`   | the same                                        |
| a store's ids of others     | `OtherIdContract`   | the same                                        |
| a store's worklist          | `WorklistContract`  | the same                                        |
| a store's log of reads      | `ReadingContract`   | the same                                        |
| a store's proofs (DPoP)     | `ProofContract`     | the same                                        |
| a store of plans too        | `AggregateContract` | the same                                        |
| a store of shared plans     | `PlanContract`      | the same                                        |
| a store of subscriptions    | `SubscriptionContract` | the same                                     |
| a store's telling of people | `TellingContract`   | the same                                        |
| a store in a host's transaction | `JoinedContract` | the same                                       |
| an adapter                  | `AdapterContract`   | `FakeAdapter`; `HandingOver` gives no receipt   |
| a wire format               | `FormatContract`    | `FakeFormat`, `read_reply`                      |
| a listener                  | `ListenerContract`  | `FakeListener`                                  |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.testing.adapter_contract import AdapterContract, PeerDouble
    from ip_fhir.testing.fake_wire import FakeAdapter, FakeFormat, FakeListener, read_reply
    from ip_fhir.testing.fakes import HandingOver, only_loops
    from ip_fhir.testing.format_contract import FormatContract
    from ip_fhir.testing.listener_contract import ListenerContract
    from ip_fhir.testing.store.aggregates import AggregateContract
    from ip_fhir.testing.store.contract import StoreContract
    from ip_fhir.testing.store.holding import HoldingContract
    from ip_fhir.testing.store.joined import JoinedContract
    from ip_fhir.testing.store.other_ids import OtherIdContract
    from ip_fhir.testing.store.plans import PlanContract
    from ip_fhir.testing.store.proofs import ProofContract
    from ip_fhir.testing.store.receipts import ReceiptContract
    from ip_fhir.testing.store.resources import ReadingContract
    from ip_fhir.testing.store.subscriptions import SubscriptionContract
    from ip_fhir.testing.store.telling import TellingContract
    from ip_fhir.testing.store.worklist import WorklistContract

__all__ = [
    "AdapterContract",
    "AggregateContract",
    "FakeAdapter",
    "FakeFormat",
    "FakeListener",
    "FormatContract",
    "HandingOver",
    "HoldingContract",
    "JoinedContract",
    "ListenerContract",
    "OtherIdContract",
    "PeerDouble",
    "PlanContract",
    "ProofContract",
    "ReadingContract",
    "ReceiptContract",
    "StoreContract",
    "SubscriptionContract",
    "TellingContract",
    "WorklistContract",
    "only_loops",
    "read_reply",
]

_HOME = {
    "AdapterContract": "adapter_contract",
    "PeerDouble": "adapter_contract",
    "FormatContract": "format_contract",
    "ListenerContract": "listener_contract",
    "StoreContract": "store.contract",
    "AggregateContract": "store.aggregates",
    "HoldingContract": "store.holding",
    "JoinedContract": "store.joined",
    "OtherIdContract": "store.other_ids",
    "PlanContract": "store.plans",
    "ProofContract": "store.proofs",
    "ReadingContract": "store.resources",
    "ReceiptContract": "store.receipts",
    "SubscriptionContract": "store.subscriptions",
    "TellingContract": "store.telling",
    "WorklistContract": "store.worklist",
    "FakeAdapter": "fake_wire",
    "FakeFormat": "fake_wire",
    "FakeListener": "fake_wire",
    "HandingOver": "fakes",
    "only_loops": "fakes",
    "read_reply": "fake_wire",
}


def __getattr__(name: str) -> Any:
    """Load a suite or a fake at its first use; pytest rewrites a suite's asserts, so that failures show the values."""
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    _rewrite_asserts()
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def _rewrite_asserts() -> None:
    """Have pytest rewrite the asserts of every module of this package that is not imported yet."""
    import sys
    from pkgutil import iter_modules

    import pytest

    rooms = {f"{__name__}.": __path__, f"{__name__}.store.": [f"{path}/store" for path in __path__]}
    parts = [module.name for prefix, paths in rooms.items() for module in iter_modules(paths, prefix)]
    pytest.register_assert_rewrite(*(part for part in parts if part not in sys.modules))
