"""Durability: inbox key, evidence, referral, resources and outbox in one transaction, in a SQL database."""

from ip_fhir.store.hosts.opening import open_store_of, upgrade_store_of
from ip_fhir.store.moving.copy import Copied, copy_store
from ip_fhir.store.sql import SqlStore, open_store, upgrade_store
from ip_fhir.store.upkeep import Purged, Standing, standing

__all__ = [
    "Copied",
    "Purged",
    "SqlStore",
    "Standing",
    "copy_store",
    "open_store",
    "open_store_of",
    "standing",
    "upgrade_store",
    "upgrade_store_of",
]
