"""What Alembic runs for every command: migrations on the connection that storage/schema.py holds, inside its transaction."""

from alembic import context

from storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=True,
    render_item=context.config.attributes.get("render_item"),
    transactional_ddl=connection.dialect.name in {"sqlite", "postgresql"},
)
with context.begin_transaction():
    context.run_migrations()
