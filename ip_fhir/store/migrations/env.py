"""Alembic's way in: run the steps on the connection that `ip_fhir.store.migrate` hands over."""

from alembic import context

from ip_fhir.store.schema import metadata


def run() -> None:
    """Run the steps, in the transaction that the connection is in."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file; others may read it, too
    run()
