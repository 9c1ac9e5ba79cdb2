"""Durability: inbox key, evidence, referral, resources and outbox in one transaction, in a SQL database."""

from ip_fhir.store.sql import SqlStore, open_store, upgrade_store
from ip_fhir.store.upkeep import Purged, Standing, standing

__all__ = ["Purged", "SqlStore", "Standing", "open_store", "standing", "upgrade_store"]
