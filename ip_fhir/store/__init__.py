"""Durability: inbox key, evidence, referral, resources and outbox in one transaction, in a SQL database."""

from ip_fhir.store.sql import SqlStore, open_store, upgrade_store

__all__ = ["SqlStore", "open_store", "upgrade_store"]
