"""Alembic runs this file for each command; the connection comes from whoever calls it."""

from alembic import context

from adapters.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
