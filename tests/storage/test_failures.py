"""What goes wrong with a database comes out as one small set of errors, whatever database it is."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.engine import make_url

from core import errors as core_errors
from core.installation import prepare
from core.persistence import translate
from core.settings import Settings, load_settings
from storage import errors, schema
from storage.db import MODE, make_engine, parse_url
from storage.keyring import FileKeys, new_master_key
from storage.tables import AppSetting, Conversation, ProviderModel, User
from storage.unit_of_work import Storage, UnitOfWork
from tests.storage.servers import Server

NOBODY = 65534
Make = Callable[..., Storage]


def user(number: int = 1, email: str = "") -> User:
    return User(
        id=f"u{number}", email=email or f"{number}@example.org", nickname="n", nickname_key=f"n{number}", password_hash="secret-hash",
        role="user", created_at=1, updated_at=1,
    )  # fmt: skip


def put(name: str, value: str) -> Callable[[UnitOfWork], None]:
    return lambda uow: uow.session.add(AppSetting(name=name, value=value, updated_at=1))


def values(storage: Storage) -> dict[str, str]:
    return storage.read_now(lambda uow: dict(uow.session.execute(text("SELECT name, value FROM app_settings")).all()))


# On every database ----------------------------------------------------------------------------------------------------


def test_a_taken_value_names_its_column(storage: Storage) -> None:
    storage.write_now(lambda uow: uow.session.add(user(1)))
    with pytest.raises(errors.AlreadyThere) as caught:
        storage.write_now(lambda uow: uow.session.add(user(2, email="1@example.org")))
    assert caught.value.fields == {"constraint": "uq_users_email", "column": "email"}
    assert "secret-hash" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__cause__}"


def test_a_taken_pair_names_its_constraint(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> None:
        for number in (1, 2):
            uow.session.add(ProviderModel(id=f"p{number}", provider_id="p", endpoint_hash="h", name="it's for key 'x'", refreshed_at=1))

    with pytest.raises(errors.AlreadyThere) as caught:
        storage.write_now(work)
    assert caught.value.fields == {"constraint": "uq_provider_models_provider_id_endpoint_hash_owner_id_name", "column": "provider_id"}


def test_a_taken_primary_key(storage: Storage) -> None:
    storage.write_now(lambda uow: uow.session.add(user(1)))
    with pytest.raises(errors.AlreadyThere):
        storage.write_now(
            lambda uow: uow.session.execute(text("INSERT INTO app_settings VALUES ('a', '', 1, ''), ('a', '', 1, '')")) and None
        )


def test_a_row_below_nothing(storage: Storage) -> None:
    with pytest.raises(errors.Gone) as caught:
        storage.write_now(lambda uow: uow.session.add(Conversation(id="c", owner_id="nobody", created_at=1, used_at=1)))
    assert isinstance(translate(caught.value), core_errors.NotFound)


def test_a_failing_unit_of_work_leaves_nothing(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.session.add(AppSetting(name="half", value="", updated_at=1))
        uow.session.flush()
        raise LookupError("after the flush")

    with pytest.raises(LookupError):
        storage.write_now(work)
    assert values(storage) == {}


def test_a_held_lock_ends_in_busy(storage: Storage, database_url: str, make_storage: Make) -> None:
    storage.write_now(put("a", "1"))
    change = update(AppSetting).where(AppSetting.name == "a").values(value="2")  # type: ignore[arg-type]
    impatient = make_storage(database_url, busy_timeout_s=0.2)
    with storage.engine.begin() as connection:
        connection.execute(change)
        with pytest.raises(errors.Busy):
            impatient.write_now(lambda uow: uow.session.execute(change) and None)
        assert values(impatient) == {"a": "1"}, "readers are not kept waiting"
    impatient.write_now(lambda uow: uow.session.execute(change) and None)


def test_a_start_waits_for_no_lock(storage: Storage, settings: Settings, database_url: str) -> None:
    """Somebody writes for long: who only wants to read gets in."""
    impatient = replace(settings, database_url=database_url, lock_wait_s=0.2)
    prepare(impatient).close()
    storage.write_now(put("a", "1"))
    with storage.engine.begin() as connection:
        connection.execute(update(AppSetting).where(AppSetting.name == "a").values(value="2"))  # type: ignore[arg-type]
        started = prepare(impatient)
        assert values(started)["a"] == "1"
        started.close()


# SQLite ---------------------------------------------------------------------------------------------------------------

sqlite_only = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)


@sqlite_only
def test_a_file_opened_read_only(storage: Storage, settings: Settings, make_storage: Make) -> None:
    path = settings.data_dir / "modeltrain.db"
    read_only = make_storage(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert values(read_only) == {}
    with pytest.raises(errors.ReadOnly):
        read_only.write_now(put("a", "1"))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anywhere, so be somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that an account without rights can reach (tmp_path it cannot)."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o444, 0o555), (0o666, 0o555)])
def test_no_right_to_write(installed: Path, shared_folder: Path, make_storage: Make, file_mode: int, folder_mode: int) -> None:
    path = shared_folder / "modeltrain.db"
    shutil.copy(installed / "modeltrain.db", path)
    path.chmod(file_mode)
    shared_folder.chmod(folder_mode)
    storage = make_storage(f"sqlite:///{path}")
    with as_nobody(), pytest.raises(errors.ReadOnly) as caught:
        storage.write_now(put("a", "1"))
    assert caught.value.fields["path"] in (str(path), str(shared_folder))


def test_a_folder_that_is_not_there(tmp_path: Path, make_storage: Make) -> None:
    storage = make_storage(f"sqlite:///{tmp_path / 'nowhere' / 'modeltrain.db'}")
    with pytest.raises(errors.Unreachable) as caught:
        storage.read_now(lambda uow: uow.session.execute(text("SELECT 1")) and None)
    assert caught.value.fields["reason"] == "cannot_open"


@sqlite_only
@pytest.mark.parametrize("damage", ["not_a_database", "torn_page"])
def test_a_damaged_file(storage: Storage, settings: Settings, make_storage: Make, damage: str) -> None:
    storage.write_now(lambda uow: uow.session.add_all([AppSetting(name=f"{n}", value="x" * 2000, updated_at=1) for n in range(200)]))
    storage.close()
    path = settings.data_dir / "modeltrain.db"
    content = bytearray(path.read_bytes())
    if damage == "not_a_database":
        content[:100] = b"\xff" * 100
    else:
        content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    hurt = make_storage(settings.database_url)
    with pytest.raises(errors.Damaged):
        values(hurt)


@sqlite_only
def test_a_database_that_may_not_grow(storage: Storage) -> None:
    @event.listens_for(storage.engine, "begin")
    def limit(connection: object) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=100")  # type: ignore[attr-defined]

    storage.write_now(put("before", "kept"))
    with pytest.raises(errors.Full):
        storage.write_now(put("large", "x" * 2_000_000))
    assert values(storage) == {"before": "kept"}


WRITE_UNTIL_FULL = """
import resource, sys
from storage import errors
from storage.unit_of_work import Storage
from storage.keyring import FileKeys, new_master_key
from storage.tables import AppSetting
storage = Storage(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for number in range(1000):
    try:
        storage.write_now(lambda uow: uow.session.add(AppSetting(name=f"{number}", value="x" * 5000, updated_at=1)))
    except errors.Full:
        print(number)
        sys.exit(0)
sys.exit("never full")
"""


@sqlite_only
def test_a_full_disk_loses_nothing_that_was_saved(storage: Storage, settings: Settings) -> None:
    """The operating system refuses to let the files grow, as a full disk does."""
    limit = max(path.stat().st_size for path in settings.data_dir.glob("modeltrain.db*")) + 400_000
    done = subprocess.run([sys.executable, "-c", WRITE_UNTIL_FULL, settings.database_url, str(limit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    saved = int(done.stdout)
    assert saved > 10
    assert sorted(map(int, values(storage))) == list(range(saved))
    assert storage.read_now(lambda uow: uow.session.scalar(text("PRAGMA integrity_check"))) == "ok"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a size in KB, filled up to a few of them by the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root and the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("left_kb", [0, 4, 12, 40, 100, 200, 300])
def test_a_first_start_on_a_full_disk(small_disk: Path, left_kb: int) -> None:
    """Wherever in the first start the disk gets full: a clear error, and with room again everything is made."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (512 - left_kb) * 1024)
    settings = load_settings(small_disk / "data", {})
    with pytest.raises((core_errors.DiskFull, core_errors.EnvironmentProblem)):
        prepare(settings)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    storage = prepare(settings)
    storage.write_now(put("a", "1"))
    storage.close()


def test_a_key_file_that_cannot_be_written(tmp_path: Path, shared_folder: Path) -> None:
    keys = (new_master_key(),)
    with pytest.raises(errors.StorageProblem):
        FileKeys(tmp_path / "nowhere" / "key", own=True).write(keys)
    closed = FileKeys(shared_folder / "key", own=True)
    with as_nobody(), pytest.raises(errors.ReadOnly):
        closed.write(keys)
    with as_nobody(), pytest.raises(errors.ReadOnly), closed.turn():
        raise AssertionError("nobody may enter")


def test_the_limit_is_the_childs_alone() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


# Servers --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    started: Server = request.getfixturevalue(f"{request.param}_server")
    return started


def problem_of(url: str, make_storage: Make) -> errors.StorageProblem:
    with pytest.raises(errors.StorageProblem) as caught:
        schema.current(make_storage(url).engine)
    return caught.value


def test_nothing_listens(server: Server, make_storage: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        url = make_url(server.url("postgres")).set(port=taken.getsockname()[1])
        problem = problem_of(url.render_as_string(hide_password=False), make_storage)
    assert isinstance(problem, errors.Unreachable)
    assert problem.fields == {"reason": "no_server", "server": f"127.0.0.1:{url.port}"}


def test_a_wrong_password(server: Server, make_storage: Make) -> None:
    problem = problem_of(server.url("mysql", password="wrong-one"), make_storage)
    assert problem.fields == {"reason": "credentials", "server": f"127.0.0.1:{server.port}"}
    assert "wrong-one" not in f"{problem!r} {problem} {problem.__cause__}"


def test_an_unknown_database(server: Server, make_storage: Make) -> None:
    problem = problem_of(server.url("no_such_database"), make_storage)
    assert problem.fields == {"reason": "no_database", "server": f"127.0.0.1:{server.port}"}


def test_a_lost_connection_is_made_anew(server: Server, make_storage: Make) -> None:
    """What was lost in mid-work is an error; the next unit of work gets a fresh connection."""
    storage = make_storage(server.new_database())
    schema.upgrade(storage.engine)

    def cut(uow: UnitOfWork) -> None:
        raw = uow.session.connection().connection.driver_connection
        assert raw is not None
        if server.name == "postgresql":
            server.execute(f"SELECT pg_terminate_backend({raw.info.backend_pid})")
        else:
            server.execute(f"KILL {raw.thread_id()}")
        uow.session.execute(text("SELECT 1"))

    with pytest.raises(errors.Unreachable) as caught:
        storage.write_now(cut)
    assert caught.value.fields["reason"] == "lost"
    storage.write_now(put("after", "1"))
    assert values(storage) == {"after": "1"}


def test_a_read_only_server(server: Server, make_storage: Make) -> None:
    storage = make_storage(server.new_database())
    schema.upgrade(storage.engine)

    def work(uow: UnitOfWork) -> None:
        uow.session.execute(text("COMMIT"))
        uow.session.execute(text("START TRANSACTION READ ONLY"))
        put("a", "1")(uow)

    with pytest.raises(errors.ReadOnly):
        storage.write_now(work)


@pytest.mark.parametrize(
    ("address", "fields"),
    [
        ("no address at all", {"reason": "bad_url"}),
        ("oracle://u:secret@h/d", {"reason": "bad_url", "scheme": "oracle"}),
        ("postgresql://u:a@secret:b@h/d", {"reason": "bad_url"}),
        ("postgresql://u@[::secret/d", {"reason": "bad_url"}),
        ("sqlite+no_such_driver:///x", {"reason": "bad_url", "scheme": "sqlite+no_such_driver"}),
    ],
)
def test_an_address_that_is_none(address: str, fields: dict[str, str]) -> None:
    with pytest.raises(errors.Unreachable) as caught:
        make_engine(address)
    assert caught.value.fields == fields
    assert "secret" not in str(caught.value)


def test_addresses_get_our_drivers() -> None:
    assert parse_url("postgres://u@h/d").drivername == "postgresql+psycopg"
    assert parse_url("mysql://u@h/d").query["charset"] == "utf8mb4"
    assert parse_url("mariadb+pymysql://u@h/d").drivername == "mariadb+pymysql"


def test_an_option_that_the_driver_does_not_know_is_a_wrong_address() -> None:
    engine = make_engine("mysql://u:secret@127.0.0.1:1/d?no_such_option=1")
    with pytest.raises(errors.Unreachable) as caught:
        schema.current(engine)
    engine.dispose()
    assert caught.value.fields == {"reason": "bad_url"}


@pytest.mark.parametrize("name", ["what?", "100%3F", "a b#c", "plain"])
def test_the_database_is_in_its_folder_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    settings = load_settings(tmp_path / name, {})
    prepare(settings).close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "modeltrain.db").stat().st_size > 0
    assert settings.database_file == tmp_path / name / "modeltrain.db"
    assert load_settings(tmp_path, {"MODELTRAIN_DATABASE_URL": "mysql://h/d"}).database_file is None


def test_every_problem_has_its_place_in_core() -> None:
    for kind in errors.StorageProblem.__subclasses__():
        translated = translate(kind(path="x"))
        assert translated.code == kind.code
        assert type(translated) is not core_errors.StorageError


def test_reads_take_no_lock(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.connect().execution_options(**{MODE: "read"}) as reader, engine.connect() as writer:
        reader.execute(text("SELECT 1"))
        writer.execute(text("CREATE TABLE t (x)"))
        writer.commit()
    engine.dispose()
