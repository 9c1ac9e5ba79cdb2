"""For the tests of those who embed or extend the library: contract suites and fakes of each seam. Needs pytest.

from ip_fhir.testing import StoreContract

class TestOurStore(StoreContract): ...

| seam                  | contract           | fake                         |
|-----------------------|--------------------|------------------------------|
| a store               | `StoreContract`    | SQLite: `sqlite:///file`     |
| an adapter            | `AdapterContract`  | `FakeAdapter`                |
| a wire format         | `FormatContract`   | `FakeFormat`, `read_reply`   |
| a listener            | `ListenerContract` | `FakeListener`               |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.testing.adapter_contract import AdapterContract, PeerDouble
    from ip_fhir.testing.fake_wire import FakeAdapter, FakeFormat, FakeListener, read_reply
    from ip_fhir.testing.format_contract import FormatContract
    from ip_fhir.testing.listener_contract import ListenerContract
    from ip_fhir.testing.store_contract import StoreContract

__all__ = [
    "AdapterContract",
    "FakeAdapter",
    "FakeFormat",
    "FakeListener",
    "FormatContract",
    "ListenerContract",
    "PeerDouble",
    "StoreContract",
    "read_reply",
]

_HOME = {
    "AdapterContract": "adapter_contract",
    "PeerDouble": "adapter_contract",
    "FormatContract": "format_contract",
    "ListenerContract": "listener_contract",
    "StoreContract": "store_contract",
    "FakeAdapter": "fake_wire",
    "FakeFormat": "fake_wire",
    "FakeListener": "fake_wire",
    "read_reply": "fake_wire",
}


def __getattr__(name: str) -> Any:
    """Load a suite when it is asked for, in such a way that its asserts say what they compared."""
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    _rewrite_asserts()
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def _rewrite_asserts() -> None:
    """Tell pytest of every module here that is not imported yet: whichever has asserts, they are rewritten."""
    import sys
    from pkgutil import iter_modules

    import pytest

    parts = (f"{__name__}.{module.name}" for module in iter_modules(__path__))
    pytest.register_assert_rewrite(*(part for part in parts if part not in sys.modules))
