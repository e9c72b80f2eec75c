"""PostgreSQL and MariaDB for the tests: started on loopback with data of their own, as an account that is not root, stopped at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

START_S = 60
STOP_S = 20
USER, PASSWORD = "tester", "s3cret/@:word"  # a password that an address has to escape


class NotInstalled(Exception):
    """The server's programs are not on this machine."""


@dataclass
class Server:
    """A running server. `url(database)` is what MODELTRAIN_DATABASE_URL would be."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    made: list[str] = field(default_factory=list)

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        scheme = "postgresql" if self.name == "postgresql" else "mysql"
        return URL.create(scheme, USER, password, "127.0.0.1", self.port, database).render_as_string(hide_password=False)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"modeltrain_{secrets.token_hex(4)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        """Run `statement` as the server's administrator, outside a transaction."""
        with administration(self) as run:
            run(statement)


@contextmanager
def administration(server: Server) -> Iterator[Callable[[str], None]]:
    database = "postgres" if server.name == "postgresql" else "mysql"
    driver = "postgresql+psycopg" if server.name == "postgresql" else "mysql+pymysql"
    url = server.url(database).replace(server.url(database).partition(":")[0], driver, 1)
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:

            def run(statement: str) -> None:
                connection.execute(text(statement))

            yield run
    finally:
        engine.dispose()


@contextmanager
def postgresql() -> Iterator[Server]:
    """PostgreSQL of any version that is installed, the newest first."""
    initdb = _program("initdb", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
    account = _account("postgres")
    with _folder(account) as folder:
        data, secret = folder / "data", folder / "password"
        secret.write_text(PASSWORD)
        _own(secret, account)
        initialise = [initdb, "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C", "--no-sync"]
        _run(initialise, account)
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "shared_buffers": "32MB",
            "max_connections": 60,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [initdb.with_name("postgres"), "-D", data, *options]
        with _running("postgresql", command, account, folder, port, stop="SIGINT") as server:
            _wait(server, lambda: server.execute("SELECT 1"))
            yield server


@contextmanager
def mariadb() -> Iterator[Server]:
    """MariaDB, with the defaults of the server (latin1), which the tables must not depend on."""
    daemon = _program("mariadbd", "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")
    install = _program("mariadb-install-db", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")
    account = _account("mysql")
    with _folder(account) as folder:
        data, sock, start = folder / "data", folder / "socket", folder / "start.sql"
        _run([install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"], account)
        quoted = PASSWORD.replace("'", "''")
        start.write_text(f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{quoted}';\nGRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n")
        _own(start, account)
        port = _free_port()
        settings = {
            "datadir": data,
            "socket": sock,
            "port": port,
            "bind-address": "127.0.0.1",
            "pid-file": folder / "pid",
            "init-file": start,
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "32M",
            "skip-name-resolve": "ON",
            "character-set-server": "latin1",
            "collation-server": "latin1_swedish_ci",
        }
        command = [daemon, "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]
        with _running("mariadb", command, account, folder, port, stop="SIGTERM") as server:
            _wait(server, lambda: server.execute("SELECT 1"))
            yield server


def _program(name: str, *folders: str) -> Path:
    found = shutil.which(name)
    for pattern in folders:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / name).exists():
                return folder / name
    if found:
        return Path(found)
    raise NotInstalled(f"{name} is not installed")


def _account(preferred: str) -> pwd.struct_passwd | None:
    """The account to run as where this one is root (the servers refuse that); None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in (preferred, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise NotInstalled(f"there is no account to run it as: {preferred} or nobody")


@contextmanager
def _folder(account: pwd.struct_passwd | None) -> Iterator[Path]:
    """A short path: that of a Unix socket may have 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix="mt-", dir="/tmp"))
    _own(folder, account)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own(path: Path, account: pwd.struct_passwd | None) -> None:
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _as(account: pwd.struct_passwd | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/"}


def _run(command: list[object], account: pwd.struct_passwd | None) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, cwd="/", env=_environment(), **_as(account))  # type: ignore[call-overload]
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout.decode()}{done.stderr.decode()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    name: str, command: list[object], account: pwd.struct_passwd | None, folder: Path, port: int, *, stop: str
) -> Iterator[Server]:
    import signal

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/", env=_environment(), **_as(account)
        )
    try:
        yield Server(name, port, process, folder)
    finally:
        process.send_signal(signal.Signals[stop])
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, ready: Callable[[], None]) -> None:
    """Until `ready` raises nothing; an error with the server's log if it died or takes too long."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            return ready()
        except DBAPIError:
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(0.1)
            if server.process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{server.name} did not start:\n{(server.folder / 'log').read_text(errors='replace')}") from None
