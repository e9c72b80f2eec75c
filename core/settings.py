"""Settings of one installation, read once from arguments and the environment and passed on; never global.

| variable | meaning |
| --- | --- |
| MODELTRAIN_DATA | the data folder (default: the platform's data folder) |
| MODELTRAIN_DATABASE_URL | postgresql://... or mysql://...; default: SQLite in the data folder |
| MODELTRAIN_MASTER_KEY | base64 of the 32-byte master key; default: the file `master.key` in the data folder |
| MODELTRAIN_MASTER_KEY_FILE | a file that holds it |
| MODELTRAIN_LOCK_WAIT | seconds to wait for a database that somebody else holds, before it is called busy (default: 10) |
| MODELTRAIN_CONNECTIONS | `modeltrain serve`: connections in all (default: 500) |
| MODELTRAIN_CONNECTIONS_AN_ADDRESS | of them, from one address (default: 40) |
| MODELTRAIN_UNAUTHENTICATED | connections in all that have not signed in yet (default: 64) |
| MODELTRAIN_UNAUTHENTICATED_AN_ADDRESS | of them, from one address (default: 40) |
| MODELTRAIN_GRACE | seconds that answers get to finish when the server stops (default: 10) |
| MODELTRAIN_QUOTA | GiB of files of one account (default: 20) |
| MODELTRAIN_TRAINING_ENV | the training environment (a venv with LLaMA-Factory); default: `training-env` in the data folder |
| MODELTRAIN_MODEL_FOLDERS | folders of models that everybody may train and serve, separated as in PATH |
| MODELTRAIN_DATASET_FOLDERS | folders of datasets that everybody may use, separated as in PATH |
| MODELTRAIN_RUNS_A_USER | runs of one account that may run at a time (default: 4) |
| MODELTRAIN_BATCHES_RESUME | "no": batches that the end of the program cut off wait for a person (default: yes, they go on) |
| MODELTRAIN_BATCHES_GIVE_UP | seconds that a provider may be away before a batch pauses itself (default: 600) |
| MODELTRAIN_LOG_LEVEL | debug, info, warning or error: what `modeltrain serve` writes into its log (default: info) |
| CREDENTIALS_DIRECTORY | set by systemd: the credential `modeltrain-master-key` in it holds the master key |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import EnvironmentProblem

#: The name of the systemd credential that holds the master key.
CREDENTIAL = "modeltrain-master-key"
#: The longest wait for a lock that makes sense: somebody sits in front of it.
LONGEST_LOCK_WAIT_S = 300.0
MINUTE = 60
DAY = 24 * 60 * MINUTE
GIB = 1 << 30
#: What MODELTRAIN_LOG_LEVEL may be.
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class AuthSettings:
    """Seconds and counts of A3 and A5.

    `sessions_a_user`: terminals, local and over SSH; the oldest ends. `shell_sessions_a_user`: SSH connections that run commands and
    copy files; the newest is refused. `served_lease_s`: so long after its worker died a session over SSH still counts.
    """

    access_token_s: int = 15 * MINUTE
    refresh_token_s: int = 7 * DAY
    attempts_a_minute: int = 5
    failures_to_lock: int = 5
    lock_s: int = 15 * MINUTE
    sessions_a_user: int = 3
    shell_sessions_a_user: int = 20
    served_lease_s: int = 5 * MINUTE
    bcrypt_cost: int = 12
    hashing_threads: int = 2
    recheck_s: float = 5.0


@dataclass(frozen=True)
class ChatSettings:
    """`trash_days`: how long deleted conversations are kept; `save_every_s`: how often a growing answer is saved.

    `keep_trying_s`: how long a finished answer is offered to a database that does not take it. `model_titles`: whether the model is
    asked for a title after the first answer, for at most `title_timeout_s`. `outlives_people`: the program goes on when a person leaves
    it (served), so an answer that the end of the program cuts off was stopped by nobody.
    """

    trash_days: int = 30
    save_every_s: float = 1.0
    silence_s: float = 120.0
    answer_limit_bytes: int = 8 * 1024 * 1024
    keep_trying_s: float = 10 * MINUTE
    model_titles: bool = True
    title_timeout_s: float = 30.0
    outlives_people: bool = False


@dataclass(frozen=True)
class ServeSettings:
    """`modeltrain serve`. `workers`: 0 means one for each core. An "address" is an IPv4 address, or the /64 of an IPv6 address.

    `unauthenticated`: connections that have not signed in yet; they get `login_s` seconds for it. `grace_s`: seconds that answers get to
    finish when the server stops. `health_port`: on loopback, None for none. `commands_at_once`: commands without a terminal that run at a
    time, `commands_a_user` of them for one account. `hang_s`: seconds without a sign of life after which a worker is replaced.
    """

    host: str = "127.0.0.1"
    port: int = 8022
    workers: int = 0
    connections: int = 500
    connections_an_address: int = 40
    unauthenticated: int = 64
    unauthenticated_an_address: int = 40
    login_s: float = 30.0
    channels_a_connection: int = 10
    grace_s: float = 10.0
    hang_s: float = 60.0
    health_port: int | None = None
    user_quota_bytes: int = 20 * GIB
    commands_at_once: int = 16
    commands_a_user: int = 8
    log_level: str = "INFO"


@dataclass(frozen=True)
class TrainingSettings:
    """`environment`: the folder of the training environment, None for the one that is made in the data folder.

    `model_folders`, `dataset_folders`: what everybody may use beside their own files. `runs_a_user`: that may run at a time.
    `log_limit_bytes`: of a run's log head and tail are kept beyond that. `disk_reserve_bytes`: must stay free beside what a run needs.
    """

    environment: Path | None = None
    model_folders: tuple[Path, ...] = ()
    dataset_folders: tuple[Path, ...] = ()
    runs_a_user: int = 4
    log_limit_bytes: int = GIB
    disk_reserve_bytes: int = GIB


@dataclass(frozen=True)
class BatchSettings:
    """`at_once`: batches that one process works on at a time, `at_once_a_user` of them for one account: nobody's batches keep everybody
    else's waiting. `give_up_s`: so long a provider may be away, or refuse everything, before
    the batch pauses itself. `resume`: batches that the end of the program cut off go on by themselves at the next start; without it they
    are paused and wait for a person. `lease_s`: so long a process is believed to work on a batch that cannot be looked at.
    """

    at_once: int = 16
    at_once_a_user: int = 4
    give_up_s: float = 10.0 * MINUTE
    resume: bool = True
    lease_s: float = 30.0
    answer_limit_bytes: int = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """`served` is true in a worker of `modeltrain serve`: then provider addresses of inner networks are guarded."""

    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    master_key: str | None = field(default=None, repr=False)
    master_key_file: Path | None = None
    served: bool = False
    reader_threads: int = 4
    lock_wait_s: float = 10.0
    auth: AuthSettings = AuthSettings()
    chat: ChatSettings = ChatSettings()
    serve: ServeSettings = ServeSettings()
    training: TrainingSettings = TrainingSettings()
    batches: BatchSettings = BatchSettings()

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def database_file(self) -> Path | None:
        """The file of an SQLite database, told without importing storage, which takes its time."""
        from urllib.parse import unquote

        path = unquote(self.database_url.partition(":///")[2].partition("?")[0])
        return Path(path) if self.is_sqlite and path else None


def default_data_dir(environment: Mapping[str, str]) -> Path:
    """The folder named by MODELTRAIN_DATA, or the platform's own data folder."""
    named = environment.get("MODELTRAIN_DATA")
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("modeltrain", appauthor=False))


def load_settings(data_dir: Path | None = None, environment: Mapping[str, str] | None = None, *, served: bool = False) -> Settings:
    """Settings from the arguments and the environment (os.environ unless given). Creates nothing.

    Raises EnvironmentProblem (bad_setting).
    """
    environment = os.environ if environment is None else environment
    folder = (data_dir or default_data_dir(environment)).expanduser().absolute()
    # In a URL "?" would end the path and "%41" be a letter: the database would be made elsewhere.
    file = str(folder / "modeltrain.db").replace("%", "%25").replace("?", "%3F")
    url = environment.get("MODELTRAIN_DATABASE_URL") or f"sqlite:///{file}"
    return Settings(
        data_dir=folder,
        database_url=url,
        master_key=environment.get("MODELTRAIN_MASTER_KEY") or None,
        master_key_file=_master_key_file(environment),
        served=served,
        lock_wait_s=_seconds(environment, "MODELTRAIN_LOCK_WAIT", Settings.lock_wait_s, LONGEST_LOCK_WAIT_S),
        serve=_serve(environment),
        training=_training(environment),
        batches=_batches(environment),
    )


def _batches(environment: Mapping[str, str]) -> BatchSettings:
    resume = environment.get("MODELTRAIN_BATCHES_RESUME", "").strip().lower()
    if resume not in ("", "yes", "no"):
        raise EnvironmentProblem(what="bad_setting", variable="MODELTRAIN_BATCHES_RESUME", value=resume, choices="yes, no")
    give_up = _seconds(environment, "MODELTRAIN_BATCHES_GIVE_UP", BatchSettings.give_up_s, 7.0 * DAY)
    return BatchSettings(resume=resume != "no", give_up_s=give_up)


def _training(environment: Mapping[str, str]) -> TrainingSettings:
    named = environment.get("MODELTRAIN_TRAINING_ENV", "").strip()
    return TrainingSettings(
        environment=Path(named).expanduser().absolute() if named else None,
        model_folders=_folders(environment, "MODELTRAIN_MODEL_FOLDERS"),
        dataset_folders=_folders(environment, "MODELTRAIN_DATASET_FOLDERS"),
        runs_a_user=_count(environment, "MODELTRAIN_RUNS_A_USER", TrainingSettings.runs_a_user, 10_000),
    )


def _folders(environment: Mapping[str, str], variable: str) -> tuple[Path, ...]:
    return tuple(Path(text).expanduser().absolute() for text in environment.get(variable, "").split(os.pathsep) if text.strip())


def _serve(environment: Mapping[str, str]) -> ServeSettings:
    default = ServeSettings()
    return ServeSettings(
        connections=_count(environment, "MODELTRAIN_CONNECTIONS", default.connections, 100_000),
        connections_an_address=_count(environment, "MODELTRAIN_CONNECTIONS_AN_ADDRESS", default.connections_an_address, 100_000),
        unauthenticated=_count(environment, "MODELTRAIN_UNAUTHENTICATED", default.unauthenticated, 100_000),
        unauthenticated_an_address=_count(
            environment, "MODELTRAIN_UNAUTHENTICATED_AN_ADDRESS", default.unauthenticated_an_address, 100_000
        ),
        grace_s=_seconds(environment, "MODELTRAIN_GRACE", default.grace_s, 3600),
        user_quota_bytes=_count(environment, "MODELTRAIN_QUOTA", default.user_quota_bytes // GIB, 1_000_000) * GIB,
        log_level=_log_level(environment),
    )


def _log_level(environment: Mapping[str, str]) -> str:
    text = environment.get("MODELTRAIN_LOG_LEVEL", "").strip()
    if text and text.upper() not in LOG_LEVELS:
        raise EnvironmentProblem(what="bad_setting", variable="MODELTRAIN_LOG_LEVEL", value=text, choices=", ".join(LOG_LEVELS).lower())
    return text.upper() or ServeSettings.log_level


def _count(environment: Mapping[str, str], variable: str, default: int, most: int) -> int:
    """The whole number in `variable`, from 1 to `most`."""
    text = environment.get(variable, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:20]) <= most:
        raise EnvironmentProblem(what="bad_setting", variable=variable, value=text, minimum=1, maximum=most)
    return int(text)


def _seconds(environment: Mapping[str, str], variable: str, default: float, most: float) -> float:
    """The number of seconds in `variable`, from 0 to `most`."""
    text = environment.get(variable, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:  # NaN is in no range
        raise EnvironmentProblem(what="bad_setting", variable=variable, value=text, maximum=f"{most:g}")
    return value


def _master_key_file(environment: Mapping[str, str]) -> Path | None:
    """The file named for the master key: by us, or by systemd where the unit has LoadCredential=modeltrain-master-key:..."""
    if named := environment.get("MODELTRAIN_MASTER_KEY_FILE"):
        return Path(named).expanduser().absolute()
    if folder := environment.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder) / CREDENTIAL
        return credential if credential.exists() else None
    return None
