"""The history of the tables. storage/schema.py runs it; tools/make_migration.py writes the next step of it.

A migration of SQLite rebuilds a table in batch mode. It runs with foreign keys off (else the rebuilt parent takes its children with it),
in one transaction, and is rolled back unless all references hold and no row was lost. A migration that means to change the
number of rows of a table names it: `ROWS_CHANGE = ("messages",)`.
"""

#: The newest revision. Known without importing Alembic, so that a start with nothing to do stays cheap; a test compares it.
HEAD = "0001"
