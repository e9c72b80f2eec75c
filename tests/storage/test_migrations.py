"""The history of the tables, run on every kind of database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from core.settings import load_settings
from storage import schema
from storage.db import make_engine
from storage.errors import Damaged, TooNew
from storage.migrations import HEAD
from storage.tables import Conversation, Message, MessagePart, User, metadata
from storage.unit_of_work import Storage, UnitOfWork

CHILDREN = 7


def fill(uow: UnitOfWork) -> None:
    """A user with conversations, messages and parts: three generations of rows that go with their parents."""
    user = User(id="u", email="a@b.c", nickname="名", nickname_key="名", password_hash="x", role="user", created_at=1, updated_at=1)
    uow.session.add(user)
    uow.session.flush()
    for number in range(CHILDREN):
        uow.session.add(Conversation(id=f"c{number}", owner_id="u", created_at=1, used_at=1))
        uow.session.flush()
        uow.session.add(Message(id=f"m{number}", conversation_id=f"c{number}", role="user", created_at=1))
        uow.session.flush()
        uow.session.add(MessagePart(message_id=f"m{number}", ordinal=0, kind="text", content="🙂 你好"))


def counts(storage: Storage) -> tuple[int, ...]:
    tables = ("users", "conversations", "messages", "message_parts")
    return storage.read_now(lambda uow: tuple(uow.session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in tables))


FULL = (1, CHILDREN, CHILDREN, CHILDREN)


def test_the_history_ends_in_the_tables(empty_url: str) -> None:
    """A migrated database is exactly what storage/tables says, types included."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = make_engine(empty_url)
    assert schema.upgrade(engine) == schema.Migrated(None, HEAD)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_known_without_alembic() -> None:
    from alembic.script import ScriptDirectory

    engine = make_engine("sqlite://")
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(schema.make_config(connection)).get_current_head() == HEAD
    engine.dispose()


def test_down_and_up_again(empty_url: str) -> None:
    engine = make_engine(empty_url)
    schema.upgrade(engine)
    assert schema.current(engine) == HEAD
    assert schema.downgrade(engine, schema.BASE).now is None
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    assert schema.current(engine) is None
    assert schema.upgrade(engine).now == HEAD
    engine.dispose()


def test_nothing_to_do_is_cheap(tmp_path: Path) -> None:
    """The second start neither imports Alembic nor writes."""
    code = (
        "import sys; from pathlib import Path; from core.installation import prepare; from core.settings import load_settings\n"
        "prepare(load_settings(Path(sys.argv[1]), {})).close()\n"
        "sys.exit(3 if 'alembic' in sys.modules or 'cryptography' in sys.modules else 0)"
    )
    first, second = (subprocess.run([sys.executable, "-c", code, str(tmp_path / "data")]).returncode for _ in range(2))
    assert (first, second) == (3, 0)


def test_a_newer_database_is_refused(empty_url: str) -> None:
    engine = make_engine(empty_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(TooNew) as caught:
        schema.upgrade(engine)
    assert caught.value.fields == {"found": "9999", "known": HEAD}
    engine.dispose()


def test_somebody_elses_database_is_left_alone(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE users (id INTEGER)"))
        connection.execute(text("INSERT INTO users VALUES (1)"))
    with pytest.raises(Damaged) as caught:
        schema.upgrade(engine)
    assert caught.value.fields["reason"] == "not_ours"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM users")) == 1
    engine.dispose()


def test_a_first_start_that_was_cut_off_is_begun_again(empty_url: str) -> None:
    """MySQL cannot roll back the tables it made before the crash; they are empty, and in the way."""
    engine = make_engine(empty_url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("DROP TABLE message_parts"))
    assert schema.upgrade(engine).now == HEAD
    assert "message_parts" in inspect(engine).get_table_names()
    engine.dispose()


# A second migration, made up -------------------------------------------------------------------------------------------


def second(folder: Path, body: str, extra: str = "") -> Path:
    """A folder with a migration after HEAD whose upgrade is `body`."""
    folder.mkdir()
    (folder / "zz_second.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f'revision = "zz"\ndown_revision = "{HEAD}"\nbranch_labels = None\ndepends_on = None\n{extra}\n'
        f"def upgrade():\n    {body}\n\n"
        "def downgrade():\n"
        '    with op.batch_alter_table("conversations", recreate="auto") as batch:\n        batch.drop_column("mood")\n'
    )
    return folder


REBUILD = (
    'with op.batch_alter_table("conversations", recreate="always" if op.get_bind().dialect.name == "sqlite" else "auto") as batch:\n'
    '        batch.add_column(sa.Column("mood", sa.String(20), nullable=False, server_default="calm"))'
)


def test_a_rebuilt_parent_keeps_its_children(storage: Storage, tmp_path: Path, kind: str) -> None:
    """With foreign keys on, SQLite's rebuild of a parent table deletes every row below it."""
    storage.write_now(fill)
    versions = second(tmp_path / "more", REBUILD)
    migrated = schema.upgrade(storage.engine, versions=versions)
    try:
        assert (migrated.found, migrated.now) == (HEAD, "zz")
        assert counts(storage) == FULL
        assert storage.read_now(lambda uow: uow.session.scalar(text("SELECT min(mood) FROM conversations"))) == "calm"
        assert (migrated.copy is not None) == (kind == "sqlite")
        if migrated.copy:
            assert migrated.copy.stat().st_mode & 0o777 == 0o600
            copied = make_engine(f"sqlite:///{migrated.copy}")
            assert schema.current(copied) == HEAD
            copied.dispose()
    finally:
        schema.downgrade(storage.engine, HEAD, versions=versions)
    assert counts(storage) == FULL
    storage.write_now(lambda uow: uow.session.execute(text("DELETE FROM users")) and None)
    assert counts(storage) == (0, 0, 0, 0), "foreign keys hold again after a migration"


def test_a_migration_that_loses_rows_is_rolled_back(storage: Storage, tmp_path: Path, kind: str) -> None:
    storage.write_now(fill)
    versions = second(tmp_path / "more", "op.execute(\"DELETE FROM message_parts WHERE message_id = 'm3'\")")
    with pytest.raises(Damaged) as caught:
        schema.upgrade(storage.engine, versions=versions)
    assert caught.value.fields == {"reason": "rows_lost", "tables": "message_parts"}
    assert counts(storage) == FULL
    assert schema.current(storage.engine) == HEAD


def test_a_migration_may_name_the_tables_it_thins(storage: Storage, tmp_path: Path) -> None:
    storage.write_now(fill)
    body = "op.execute(\"DELETE FROM message_parts WHERE message_id = 'm3'\")"
    versions = second(tmp_path / "more", f"{body}\n    {REBUILD}", extra='ROWS_CHANGE = ("message_parts",)')
    schema.upgrade(storage.engine, versions=versions)
    assert counts(storage) == (1, CHILDREN, CHILDREN, CHILDREN - 1)
    schema.downgrade(storage.engine, HEAD, versions=versions)


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_hanging_references_roll_a_migration_back(storage: Storage, tmp_path: Path) -> None:
    storage.write_now(fill)
    body = "op.execute(\"UPDATE messages SET conversation_id = 'nowhere'\")"
    with pytest.raises(Damaged) as caught:
        schema.upgrade(storage.engine, versions=second(tmp_path / "more", body))
    assert caught.value.fields == {"reason": "references", "tables": "messages"}
    assert storage.read_now(lambda uow: uow.session.scalar(text("SELECT count(*) FROM messages WHERE conversation_id = 'nowhere'"))) == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_a_failing_migration_leaves_everything_as_it_was(storage: Storage, tmp_path: Path) -> None:
    storage.write_now(fill)
    with pytest.raises(Exception, match="boom"):
        schema.upgrade(storage.engine, versions=second(tmp_path / "more", f'{REBUILD}\n    raise RuntimeError("boom")'))
    assert schema.current(storage.engine) == HEAD
    assert "mood" not in {column["name"] for column in inspect(storage.engine).get_columns("conversations")}
    assert counts(storage) == FULL


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_only_the_newest_copies_are_kept(storage: Storage, tmp_path: Path) -> None:
    versions = second(tmp_path / "more", REBUILD)
    for _ in range(3):
        schema.upgrade(storage.engine, versions=versions)
        schema.downgrade(storage.engine, HEAD, versions=versions)
    names = sorted(path.name for path in Path(storage.engine.url.database or "").parent.glob("backups/*"))
    assert names == [f"modeltrain-0004-before-{HEAD}.db", "modeltrain-0005-before-zz.db", f"modeltrain-0006-before-{HEAD}.db"]


def test_five_first_starts_at_once(empty_url: str, data_dir: Path, tmp_path: Path) -> None:
    """Each succeeds, one makes the tables, all agree on one master key."""
    code = (
        "import sys; from pathlib import Path; from core.installation import prepare; from core.settings import load_settings\n"
        "sys.stdin.readline()\n"
        "prepare(load_settings(Path(sys.argv[1]), {'MODELTRAIN_DATABASE_URL': sys.argv[2]})).close()"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", code, str(data_dir), empty_url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    for each in starts:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    assert [(each.communicate()[1], each.returncode) for each in starts] == [("", 0)] * 5
    engine = make_engine(empty_url)
    assert schema.current(engine) == HEAD
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM data_keys")) == 1
    engine.dispose()


def test_the_database_and_all_beside_it_are_private(data_dir: Path) -> None:
    from core.installation import prepare

    storage = prepare(load_settings(data_dir, {}))
    try:
        storage.write_now(fill)
        modes = {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()}
        assert {"modeltrain.db", "modeltrain.db-wal", "modeltrain.db-shm", "master.key"} <= set(modes)
        assert set(modes.values()) == {0o600}
        assert data_dir.stat().st_mode & 0o777 == 0o700
    finally:
        storage.close()


def test_loose_permissions_are_tightened(data_dir: Path) -> None:
    from core.installation import prepare

    prepare(load_settings(data_dir, {})).close()
    (data_dir / "modeltrain.db").chmod(0o666)
    data_dir.chmod(0o755)
    prepare(load_settings(data_dir, {})).close()
    assert (data_dir / "modeltrain.db").stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_other_things_in_it_keeps_its_permissions(data_dir: Path) -> None:
    from core.installation import prepare

    data_dir.mkdir(mode=0o755)
    (data_dir / "letter.txt").write_text("mine")
    prepare(load_settings(data_dir, {})).close()
    assert data_dir.stat().st_mode & 0o777 == 0o755
