"""Jobs outside: started once, found again by whoever looks, ended whole; whatever is killed, whenever."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import EnvironmentProblem
from core.processes import Job, JobState, abandon, ask_to_save, identity_of, is_alive, launch, look, ready_to_save, stop, tree
from core.processes.launching import SHIM
from core.processes.looking import boot_id

LIMIT_S = 30.0
PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "job"
    yield made
    for each in tree(made):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGKILL)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def until(seen: Callable[[], bool], what: str = "") -> None:
    deadline = time.monotonic() + LIMIT_S
    while not seen():
        assert time.monotonic() < deadline, what or "it never came"
        time.sleep(0.01)


def ended(folder: Path) -> JobState:
    until(lambda: look(folder).kind in {"ended", "lost"} and not is_alive(look(folder).shim))
    return look(folder)


def pid_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


SLEEPS = python("import time; print('here', flush=True); time.sleep(600)")
#: As torchrun: a worker in a session of its own, which does %s first; its pid goes to the file "worker".
LAUNCHER = python(
    "import subprocess, sys, os, time\n"
    'code = \'import os, signal, time; %s; print(os.getpid(), file=open("worker", "w")); time.sleep(600)\'\n'
    "subprocess.Popen([sys.executable, '-S', '-c', code], start_new_session=True, env=os.environ | {'LOCAL_RANK': '0'}).wait()\n"
)[3]
DEAF = "signal.signal(15, signal.SIG_IGN)"


def test_the_exit_status_is_known_to_whoever_looks(folder: Path) -> None:
    state = launch(Job(folder, python("print('out'); import sys; print('err', file=sys.stderr); sys.exit(3)"), PATH))
    assert state.kind in {"running", "ended"}
    done = ended(folder)
    assert done.exit is not None and (done.exit.status, done.exit.signal, done.exit.reason) == (3, None, "")
    assert sorted((folder / "log.txt").read_text().split()) == ["err", "out"]
    assert abs(done.exit.ended_at - time.time() * 1000) < LIMIT_S * 1000


def test_it_has_a_session_of_its_own_and_nobody_of_ours_as_parent(folder: Path) -> None:
    state = launch(Job(folder, SLEEPS, PATH))
    assert state.shim is not None and state.child is not None
    assert os.getsid(state.child.pid) == os.getsid(state.shim.pid) != os.getsid(0)
    assert os.getpgid(state.child.pid) == state.child.pid
    parent = int((Path("/proc") / str(state.shim.pid) / "stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid(), "it would be a zombie of ours when it ends"
    assert str(Path(f"/proc/{state.child.pid}/fd/0").readlink()) == "/dev/null"


def test_its_environment_is_whole_and_secrets_are_only_for_what_comes_after(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELTRAIN_MASTER_KEY", "top-secret")
    after = python(
        f"import os; open({str(folder / 'after')!r}, 'w').write(os.environ['MODELTRAIN_MASTER_KEY'] + str('MODELTRAIN_JOB' in os.environ))"
    )
    launch(Job(folder, python("import os; print(sorted(os.environ))"), PATH | {"ONE": "1"}, after=after))
    ended(folder)
    shown = (folder / "log.txt").read_text()
    assert "ONE" in shown and "MODELTRAIN_JOB" in shown and "MASTER_KEY" not in shown
    until(lambda: (folder / "after").exists() and (folder / "after").read_text() == "top-secretFalse")
    assert all("top-secret" not in path.read_text(errors="replace") for path in folder.iterdir() if path.name != "after")


def test_limits_of_whoever_launches_are_none_of_its_own(folder: Path) -> None:
    """A command over SSH may use little memory; the training that it begins may use what there is."""
    code = (
        "import resource, sys; from pathlib import Path; from core.processes import Job, launch\n"
        "most = resource.getrlimit(resource.RLIMIT_DATA)[1]\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, most))\n"
        f"launch(Job(Path({str(folder)!r}), {python('import resource; print(resource.getrlimit(resource.RLIMIT_DATA)[0])')!r}, {PATH!r}))\n"
        "print(most)\n"
    )
    root = Path(__file__).resolve().parents[3]
    most = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=LIMIT_S, capture_output=True).stdout
    ended(folder)
    assert (folder / "log.txt").read_bytes() == most


def test_a_folder_is_used_once(folder: Path) -> None:
    launch(Job(folder, python("pass"), PATH))
    with pytest.raises(EnvironmentProblem) as refusal:
        launch(Job(folder, python("pass"), PATH))
    assert refusal.value.fields["what"] == "job_folder_used"
    ended(folder)
    with pytest.raises(EnvironmentProblem):
        launch(Job(folder, python("pass"), PATH))


def test_of_many_that_start_it_at_once_one_does(folder: Path) -> None:
    job = Job(folder, python("import os; open('starts', 'a').write('x'); import time; time.sleep(1)"), PATH)

    def attempt(_number: int) -> bool:
        try:
            launch(job)
        except EnvironmentProblem:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    ended(folder)
    assert (folder / "starts").read_text() == "x"


def test_a_program_that_is_not_there(folder: Path) -> None:
    with pytest.raises(EnvironmentProblem) as refusal:
        launch(Job(folder, ("/nowhere/python",), PATH))
    assert refusal.value.fields["what"] == "program_missing"
    state = look(folder)
    assert state.exit is not None and state.exit.status is None and state.exit.reason.startswith("not_started")


def test_an_abandoned_folder_never_starts_and_a_started_one_is_not_abandoned(tmp_path: Path, folder: Path) -> None:
    assert abandon(tmp_path / "never")
    with pytest.raises(EnvironmentProblem):
        launch(Job(tmp_path / "never", SLEEPS, PATH))
    launch(Job(folder, SLEEPS, PATH))
    assert not abandon(folder)


# Whatever is killed --------------------------------------------------------------------------------------------------------------


def test_kill_9_of_the_program(folder: Path) -> None:
    state = launch(Job(folder, SLEEPS, PATH))
    assert state.child is not None
    os.kill(state.child.pid, signal.SIGKILL)
    done = ended(folder)
    assert done.exit is not None and (done.exit.status, done.exit.signal) == (-9, 9)


def test_kill_9_of_whoever_launched(folder: Path, tmp_path: Path) -> None:
    """The launching process dies at once; the job goes on and its status is known."""
    code = (
        "import os, signal, sys; from pathlib import Path; from core.processes import Job, launch\n"
        f"launch(Job(Path({str(folder)!r}), {python('import time; time.sleep(0.5); raise SystemExit(5)')!r}, {PATH!r}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=False, timeout=LIMIT_S)
    done = ended(folder)
    assert done.exit is not None and done.exit.status == 5


def test_kill_9_of_the_shim_leaves_the_program_to_be_found(folder: Path) -> None:
    state = launch(Job(folder, SLEEPS, PATH))
    assert state.shim is not None and state.child is not None
    os.kill(state.shim.pid, signal.SIGKILL)
    until(lambda: not is_alive(state.shim))
    assert look(folder).kind == "running"
    assert [each.pid for each in tree(folder)] == [state.child.pid]
    os.kill(state.child.pid, signal.SIGKILL)
    until(lambda: look(folder).kind == "lost")
    assert not tree(folder)


def test_kill_9_of_a_launcher_leaves_no_orphan(folder: Path) -> None:
    """As torchrun killed: the shim ends the workers, which are in sessions of their own."""
    state = launch(Job(folder, python(LAUNCHER % "pass"), PATH))
    worker = pid_in(folder / "worker")
    assert state.child is not None and worker in {each.pid for each in tree(folder)}
    os.kill(state.child.pid, signal.SIGKILL)
    until(lambda: look(folder).exit is None and not is_alive(state.child))
    assert look(folder).kind == "running", "it has not ended before nothing of it is left"
    done = ended(folder)
    assert done.exit is not None and done.exit.status == -9
    assert identity_of(worker) is None and not tree(folder)


async def test_kill_9_of_shim_and_launcher_and_the_orphan_is_found_by_its_marker(folder: Path) -> None:
    state = launch(Job(folder, python(LAUNCHER % DEAF), PATH))
    worker = pid_in(folder / "worker")
    assert state.shim is not None and state.child is not None
    for each in (state.shim, state.child):
        os.kill(each.pid, signal.SIGKILL)
    until(lambda: look(folder).kind == "lost")
    assert [each.pid for each in tree(folder)] == [worker]
    stopped = await stop(folder, grace_s=0.2)
    assert stopped.gone and stopped.killed == 1 and identity_of(worker) is None


def test_the_shim_survives_the_end_of_the_session(folder: Path) -> None:
    state = launch(Job(folder, python("import time; time.sleep(1)"), PATH))
    assert state.shim is not None
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        os.kill(state.shim.pid, number)
    done = ended(folder)
    assert done.exit is not None and done.exit.status == 0


def test_an_order_cut_off_in_the_middle_starts_nothing(folder: Path) -> None:
    """The application was killed while it told the shim what to do."""
    folder.mkdir()
    half = json.dumps({"job": "x", "argv": ["/usr/bin/touch", str(folder / "started")]})[:-10]
    subprocess.run(
        [sys.executable, "-I", "-S", str(SHIM), str(folder)], input=half.encode(), capture_output=True, check=False, timeout=LIMIT_S
    )
    assert not list(folder.iterdir())
    assert look(folder).kind == "starting" and abandon(folder)


# What must not be believed -------------------------------------------------------------------------------------------------------


def test_a_reused_pid_is_somebody_else(folder: Path) -> None:
    launch(Job(folder, python("pass"), PATH))
    ended(folder)
    told = json.loads((folder / "run.json").read_text())
    for name in ("shim", "child"):
        told[name]["pid"] = os.getpid()  # alive, but it started at another time
    (folder / "run.json").write_text(json.dumps(told))
    (folder / "exit.json").unlink()
    assert look(folder).kind == "lost"
    assert not tree(folder)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


async def test_stop_never_hits_a_reused_pid(folder: Path, stranger: subprocess.Popen[bytes]) -> None:
    state = launch(Job(folder, python("pass"), PATH))
    ended(folder)
    assert state.child is not None
    told = json.loads((folder / "run.json").read_text())
    told["child"] = {"pid": stranger.pid, "started": state.child.started}
    (folder / "run.json").write_text(json.dumps(told))
    assert (await stop(folder, grace_s=0)).gone
    assert stranger.poll() is None


def test_after_a_reboot_nothing_of_before_lives(folder: Path) -> None:
    state = launch(Job(folder, SLEEPS, PATH))
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace(boot_id(), "00000000-0000-0000-0000-000000000000"))
    assert look(folder).kind == "lost"
    (folder / "run.json").write_text(text)
    assert look(folder).kind == "running" and is_alive(state.child)


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", "pass"])
    try:
        until(lambda: identity_of(process.pid) is None, "a child that was not waited for")
        assert Path(f"/proc/{process.pid}").exists()
    finally:
        process.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"boot_id": 1, "shim": [], "child": {"pid": "x"}}', "\x00" * 100])
def test_garbage_in_its_files_is_no_crash(folder: Path, text: str) -> None:
    folder.mkdir()
    for name in ("run.json", "exit.json", ".exit.json.part"):
        (folder / name).write_text(text)
    assert look(folder).kind in {"starting", "lost"}
    assert tree(folder) == ()


# Saving and stopping -------------------------------------------------------------------------------------------------------------

SAVES = (
    "import signal, time, os\n"
    "open('born', 'w').close()\n"
    "while not os.path.exists('go'): time.sleep(0.01)\n"
    "signal.signal(15, lambda *_: (open('saved' + os.environ.get('LOCAL_RANK', ''), 'w').close(), os._exit(0)))\n"
    "open('ready' + os.environ.get('LOCAL_RANK', ''), 'w').close()\n"
    "time.sleep(600)\n"
)


async def test_only_who_can_save_is_asked_to(folder: Path) -> None:
    launch(Job(folder, python(SAVES), PATH))
    until((folder / "born").exists)
    assert not await ready_to_save(folder)
    assert await ask_to_save(folder) == 0
    (folder / "go").touch()
    until((folder / "ready").exists)
    assert await ready_to_save(folder) and await ask_to_save(folder) == 1
    done = ended(folder)
    assert done.exit is not None and done.exit.status == 0 and (folder / "saved").exists()


async def test_the_workers_are_asked_and_never_their_launcher(folder: Path) -> None:
    workers = (
        "import subprocess, sys, os\n"
        f"code = {SAVES!r}\n"
        "found = [subprocess.Popen([sys.executable, '-S', '-c', code], start_new_session=True, env=os.environ | {'LOCAL_RANK': str(n)})"
        " for n in range(2)]\n"
        "sys.exit(max(each.wait() for each in found))\n"
    )
    launch(Job(folder, python(workers), PATH))
    (folder / "go").touch()
    until(lambda: (folder / "ready0").exists() and (folder / "ready1").exists())
    assert await ask_to_save(folder) == 2
    done = ended(folder)
    assert done.exit is not None and done.exit.status == 0, "the launcher was not hit"
    assert (folder / "saved0").exists() and (folder / "saved1").exists()


async def test_stop_is_graceful_first(folder: Path) -> None:
    launch(
        Job(
            folder,
            python("import os, signal, time\nsignal.signal(15, lambda *_: os._exit(7))\nprint('on', flush=True)\ntime.sleep(600)"),
            PATH,
        )
    )
    until(lambda: "on" in (folder / "log.txt").read_text())
    stopped = await stop(folder, grace_s=LIMIT_S)
    assert (stopped.gone, stopped.killed) == (True, 0)
    done = look(folder)
    assert done.exit is not None and done.exit.status == 7


async def test_stop_ends_what_forks_all_the_time(folder: Path) -> None:
    code = (
        "import os, time, signal\nsignal.signal(15, signal.SIG_IGN)\n"
        "while True:\n  if os.fork() == 0:\n    os.setsid(); time.sleep(3); os._exit(0)\n  time.sleep(0.02)"
    )
    launch(Job(folder, python(code), PATH))
    until(lambda: len(tree(folder)) > 5)
    stopped = await stop(folder, grace_s=0.1)
    assert stopped.gone and stopped.killed > 5
    assert not tree(folder)


async def test_stopping_what_has_ended_is_nothing(folder: Path) -> None:
    launch(Job(folder, python("pass"), PATH))
    ended(folder)
    assert (await stop(folder)).gone


# The log -------------------------------------------------------------------------------------------------------------------------


def test_the_log_keeps_head_and_tail_and_every_offset(folder: Path) -> None:
    limit, lines = 1 << 20, 400_000
    code = f"import sys, time\nfor n in range({lines}): sys.stdout.write('%015d\\n' % n)\nsys.stdout.flush()\ntime.sleep(2.5)"
    launch(Job(folder, python(code), PATH, log_limit_bytes=limit))
    ended(folder)
    log = folder / "log.txt"
    found = log.stat()
    assert found.st_size == lines * 16, "offsets stay what they were"
    assert found.st_blocks * 512 <= limit * 1.1
    data = log.read_bytes()
    assert data.startswith(b"%015d\n" % 0) and data.endswith(b"%015d\n" % (lines - 1))
    kept = [line for line in data.replace(b"\0", b"").split(b"\n") if len(line) == 15]
    assert len(kept) > limit // 32
    for line in (kept[0], kept[-1], kept[len(kept) // 3]):
        assert data[int(line) * 16 : int(line) * 16 + 15] == line


def test_a_deleted_log_ends_nothing(folder: Path) -> None:
    launch(Job(folder, python("import time\nfor n in range(50): print(n, flush=True); time.sleep(0.02)"), PATH))
    (folder / "log.txt").unlink()
    done = ended(folder)
    assert done.exit is not None and done.exit.status == 0


def test_a_deleted_folder_ends_nothing_and_leaves_no_process(tmp_path: Path, folder: Path) -> None:
    state = launch(Job(folder, python("import time; time.sleep(0.5)"), PATH))
    assert state.shim is not None
    folder.rename(tmp_path / "elsewhere")
    until(lambda: not is_alive(state.shim))
    assert look(tmp_path / "elsewhere").kind == "ended", "the shim holds its folder, whatever it is called"
