"""Stores that a test opens and drops: they are closed when nobody has them any longer, as Python 3.13 wants it."""

from __future__ import annotations

import weakref

from ip_fhir.store import SqlStore, open_store


def open_dropped(url: str) -> SqlStore:
    """Open a store that closes itself once it is dropped. Whoever closes it before may do so."""
    store = open_store(url)
    weakref.finalize(store, store._database.engine.dispose)
    return store
