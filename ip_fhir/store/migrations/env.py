"""Alembic's way in: run the steps on the connection that `ip_fhir.store.migrate` hands over."""

from alembic import context

from ip_fhir.store.schema import metadata


def run() -> None:
    """Run the steps, in the transaction that the connection is in."""
    given = context.config.attributes
    table = given.get("version_table", "alembic_version")
    context.configure(connection=given["connection"], target_metadata=metadata, version_table=table)
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file; others may read it, too
    run()
