"""Commands over SSH as people and scripts send them, with the clients they have: what comes back, and with which status."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import psutil
import pytest

from core.settings import AuthSettings, ServeSettings, load_settings
from tests.shell import PASSWORD
from tests.ssh.odd_commands import odd_commands
from tests.ssh.served import LIMIT_S, Served, ServeProcess, need, serving_here
from tui.commands.root import run_command_line

AT_ONCE = 8
HIDDEN = ("run", "serve", "simulate", "secrets", "doctor", "sign-in", "sign-out")
SETTINGS = ServeSettings(commands_at_once=AT_ONCE + 1, commands_a_user=AT_ONCE)


@pytest.fixture(scope="module")
def server(settled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests here, on which ann has configurations; name what you make after your test."""
    folder = tmp_path_factory.mktemp("commands")
    shutil.copytree(settled, folder / "data")
    (folder / "client").mkdir(mode=0o700)
    settings = replace(load_settings(folder / "data", {}, served=True), auth=AuthSettings(bcrypt_cost=4), serve=SETTINGS)
    with odd_commands(), serving_here(settings, folder / "client", commands=True) as here:
        for name, model in (("echo", "sim-echo@0"), ("slow", "sim-markdown@50x5000"), ("cut", "sim-cut@0x50"), ("bad", "sim-500@0")):
            made = here.ssh("config", "add", name, "--provider", "simulator", "--model", model)
            assert made.returncode == 0, made.stderr
        yield here


def run(server: Served, command: str, name: str = "ann", stdin: bytes = b"", **options: Any) -> asyncssh.SSHCompletedProcess:
    """A command on a connection of its own."""

    async def work() -> asyncssh.SSHCompletedProcess:
        async with await server.connect(name) as connection:
            process = await connection.create_process(command, encoding=None, **options)
            with suppress(BrokenPipeError):  # of a command that reads nothing, and has ended
                if stdin:
                    process.stdin.write(stdin)
                process.stdin.write_eof()
            done = await process.wait(timeout=LIMIT_S)
        return done  # noqa: RET504 - a `with` might swallow an exception

    return asyncio.run(work())


def raw(output: Any) -> bytes:
    """What came, "" where nothing did."""
    return bytes(output or b"")


def children(server: Served) -> list[psutil.Process]:
    """The commands under way."""
    return psutil.Process(server.context.spawner.pid).children()


def nothing_runs(server: Served) -> None:
    """Wait until no command is under way, nor held by the worker."""

    async def held() -> None:
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "command"]:
            await asyncio.wait(tasks)

    assert not psutil.wait_procs(children(server), LIMIT_S)[1]
    server.call(held)


# What comes back -----------------------------------------------------------------------------------------------------


def test_openssh_asks_a_model_and_gets_its_answer(server: Served) -> None:
    done = server.ssh("chat", "-c", "echo", '"What is the loss? 损失是多少？"')
    assert (done.returncode, done.stderr) == (0, b"")
    assert "损失是多少" in done.stdout.decode()
    done = server.ssh("chat", "-c", "echo", "-", stdin=b"from a pipe")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "from a pipe" in done.stdout.decode()
    listed = json.loads(server.ssh("conversation", "list", "--json").stdout)
    assert {"What is the loss? 损失是多少？", "from a pipe"} <= {entry["title"] for entry in listed}


def test_models_are_compared_and_judged_from_afar(server: Served) -> None:
    done = server.ssh("compare", "-c", "echo", "-c", "bad", "-", stdin="哪个更好？".encode())
    assert done.returncode == 4, "the status of the column that failed"
    out = done.stdout.decode()
    assert "── A echo" in out and "哪个更好？" in out and "── B bad" in out and "(500)" in done.stderr.decode()
    made = json.loads(server.ssh("compare", "list", "--json").stdout)[0]
    voted = server.ssh("compare", "vote", made["id"], "A", "--json")
    assert json.loads(voted.stdout)["verdict"]["winner"] == "A"
    assert "at least two different models answered" in server.ssh("compare", "leaderboard").stderr.decode()
    done = server.ssh("compare", "export", made["id"], "--format", "markdown", "-o", "exports/compared.md")
    assert (done.returncode, server.ssh("compare", "export", made["id"], "-o", "/tmp/compared.md").returncode) == (0, 2)


def test_nothing_of_anybody_elses_is_reached_by_its_id(server: Served) -> None:
    """Comparisons, batches, their answers and reports, question sets: an id of ann's says to bob what an id of nobody's says."""
    set_id = json.loads(server.ssh("questions", "import", "-", "--name", "hers", "--json", stdin=b'{"question": "zebra?"}').stdout)["id"]
    asked = server.ssh("batch", "run", set_id, "-c", "echo", "--json")
    assert asked.returncode == 0, asked.stderr
    assert server.ssh("compare", "-c", "echo", "-c", "echo", "-", stdin=b"What is hers?").returncode == 0
    compared = json.loads(server.ssh("compare", "list", "--json").stdout)[0]["id"]
    ids = {"batch": json.loads(asked.stdout)["id"], "questions": set_id, "compare": compared}
    words = {"batch": "status answers report cancel remove", "questions": "show export remove", "compare": "show export again delete"}
    commands = [(f"{area} {word}", ids[area]) for area, several in words.items() for word in several.split()]
    commands += [("batch status", ids["batch"][:12]), ("compare show", ids["compare"][:12]), ("questions show", "hers")]

    async def as_bob() -> None:
        async with await server.connect("bob") as connection:
            for command, known in commands:
                nobodys = "f" * len(known)
                told, unknown = [
                    await connection.run(f"{command} {each}", encoding=None, timeout=LIMIT_S, stdin=asyncssh.DEVNULL)
                    for each in (known, nobodys)
                ]
                assert told.returncode == unknown.returncode == 2, (command, told.stderr)
                assert not raw(told.stdout) and b"zebra" not in raw(told.stderr)
                assert raw(told.stderr) == raw(unknown.stderr).replace(nobodys.encode(), known.encode()), command

    asyncio.run(as_bob())
    assert json.loads(server.ssh("batch", "status", ids["batch"], "--json").stdout)["answered"] == 1


@pytest.mark.parametrize(
    ("command", "status", "out", "err"),
    [
        ("--version", 0, r"^modeltrain \d", "^$"),
        ("help", 0, "conversation", "^$"),
        ("--help", 0, r"(?s)^(?!.*\n  (run|serve|sign-in|sign-out|doctor|secrets|simulate) ).*\n  chat ", "^$"),
        ("help chat", 0, "Exit status 0", "^$"),
        ("version", 0, r"^modeltrain \d", "^$"),
        ("--version", 0, r"^modeltrain \d", "^$"),
        ("conversaton", 2, "^$", "Did you mean “conversation”"),
        ("modeltrain config list", 0, "sim-echo", "^$"),
        ("chat -c cut --json hello", 3, '"truncated"', ""),
        ("chat -c bad --json hello", 4, '"provider_fault"', ""),
        ("conversation show 0", 2, "^$", "There is no conversation"),
        ("conversation list; id", 2, "^$", "."),
        ("conversation list | cat", 2, "^$", "."),
        ("conversation list $(id) `id`", 2, "^$", "."),
        ("chat 'open", 2, "^$", "not closed.\n.*Quote twice"),
        ("chat -c echo " + 30_000 * "x", 0, "x", ""),
        ("chat " + 40_000 * "x", None, "", ""),
        ("chat a\0b", 2, "^$", "characters"),
        *(
            (name, 2, "^$", "no command “.*” on this server")
            for name in ("run", "serve", "simulate", "secrets", "doctor", "sign-in x", "no")
        ),
        ("conversation list --data /tmp", 2, "^$", "--data"),
        ("--data /tmp conversation list", 2, "^$", "--data"),
        ("conversation list --as bob@example.org", 2, "^$", "--as"),
        ("--as bob@example.org conversation list", 2, "^$", "--as"),
        ("user passwd", 2, "^$", "ssh -t"),
    ],
)
def test_statuses_and_outputs(server: Served, command: str, status: int | None, out: str, err: str) -> None:
    if status is None:
        with pytest.raises(asyncssh.Error):
            run(server, command)
        return
    done = run(server, command)
    shown, said = (raw(text).decode() for text in (done.stdout, done.stderr))
    assert done.exit_status == status, said
    assert re.search(out, shown), shown
    assert re.search(err, said), said
    assert "Traceback" not in said


def test_without_a_terminal_and_without_a_command_it_says_how_to_give_one(server: Served) -> None:
    done = server.ssh(before=["-T"])
    assert (done.returncode, done.stdout) == (2, b"")
    assert "ssh HOST chat" in done.stderr.decode() and "ssh -t HOST" in done.stderr.decode()


def test_json_is_what_the_local_command_prints(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    run(server, "chat -c echo 'the same here and there'")
    here = ["--data", str(server.settings.data_dir), "--as", "ann@example.org"]
    for words in (["conversation", "list"], ["config", "list"], ["user", "list"]):
        capsys.readouterr()
        assert run_command_line([*here, *words, "--json"]) == 0
        local = json.loads(capsys.readouterr().out)
        served = json.loads(raw(run(server, " ".join([*words, "--json"])).stdout))
        for entry in (*local, *served):  # every connection is another sign-in
            for name in ("last_sign_in_at", "last_sign_in_from"):
                entry.pop(name, None)
        assert served == local


def test_people_act_as_themselves_and_by_their_role(server: Served) -> None:
    own = json.loads(raw(run(server, "chat -c echo --json secret plans").stdout))["conversation"]
    for command in (f"conversation show {own}", f"conversation export {own}", f"conversation delete {own}", "config show echo"):
        done = run(server, command, "bob")
        assert (done.exit_status, done.stdout) == (2, b"")
        assert b"secret" not in raw(done.stderr)
    for command in ("user list", "user disable ann@example.org", "provider allow 127.0.0.1", "provider disable simulator"):
        done = run(server, command, "bob")
        assert (done.exit_status, done.stdout) == (2, b"")
        assert b"Your role does not allow this." in raw(done.stderr)
    assert run(server, "user list").exit_status == 0


def test_inner_addresses_are_guarded(server: Served) -> None:
    run(server, "config add inner --provider openai-compatible --endpoint http://127.0.0.1:9/v1 --model m")
    done = run(server, "chat -c inner --json hello")
    assert done.exit_status in (2, 5)
    assert b"address_not_allowed" in raw(done.stdout) + raw(done.stderr)


def test_the_language_is_the_accounts_or_the_clients(server: Served) -> None:
    assert "对话" in raw(run(server, "help", env={"LANG": "zh_CN.UTF-8"}).stdout).decode()
    assert "没有" in raw(run(server, "conversation show 0", env={"LC_ALL": "zh_CN.UTF-8"}).stderr).decode()

    principal = server.call(lambda: _principal(server, "bob"))
    server.call(lambda: server.context.services.accounts.update_profile(principal, language="zh_CN"))
    assert "对话" in raw(run(server, "help", "bob", env={"LANG": "en_GB.UTF-8"}).stdout).decode()
    server.call(lambda: server.context.services.accounts.update_profile(principal, language=""))


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_files_of_the_server_are_out_of_reach_in_every_language(server: Served, tmp_path: Path, language: str) -> None:
    secret, target = tmp_path / "secret", tmp_path / "written"
    secret.write_text("sk-of-the-server")
    env = {"LC_ALL": f"{language}.UTF-8"}
    made = run(server, "chat --json -c echo hello", env=env)
    conversation = json.loads(raw(made.stdout))["conversation"]
    for command in (f"conversation export {conversation} --output {target}", f"config key echo --key-file {secret}"):
        done = run(server, command, env=env)
        assert (done.exit_status, raw(done.stdout)) == (2, b""), command
        assert ("没有文件或目录" if language == "zh_CN" else "There is no file or folder") in raw(done.stderr).decode()
    assert not target.exists()


def test_help_is_in_one_language_down_to_the_last_option(server: Served) -> None:
    for command in ("conversation share", "user key add"):
        chinese = raw(run(server, f"help {command}", env={"LC_ALL": "zh_CN.UTF-8"}).stdout).decode()
        assert "The " not in chinese, chinese
        assert "Everyone" not in chinese


async def _principal(server: Served, name: str) -> Any:
    from core.auth.principal import operator

    return await server.context.services.accounts.principal_for(operator("test"), f"{name}@example.org")


def test_an_unforeseen_error_has_a_code_and_no_values(server: Served) -> None:
    done = run(server, "odd boom")
    said = raw(done.stderr).decode()
    assert (done.exit_status, done.stdout) == (1, b"")
    assert "crash-" in said
    assert "Traceback" not in said and "sk-secret" not in said and str(server.settings.data_dir) not in said


def test_each_command_is_logged_without_its_words(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="tui.ssh.command"):
        run(server, "conversation list 'my secret words'")
        run(server, "'my secret words'")
    nothing_runs(server)
    lines = [record.getMessage() for record in caplog.records if record.name == "tui.ssh.command"]
    assert re.match(r"command conversation of ann@example.org from 127.0.0.1: status=0, \d", lines[0])
    assert re.match(r"command \? of ann@example.org from 127.0.0.1: status=2, \d", lines[1])
    assert "secret" not in "".join(lines)


# Input and output ----------------------------------------------------------------------------------------------------


def test_five_megabytes_go_in_and_come_back_to_the_byte(server: Served) -> None:
    data = random.Random(5).randbytes(5_000_000)
    assert server.ssh("odd", "copy", stdin=data).stdout == data
    done = run(server, "odd copy", stdin=data)
    assert (done.exit_status, done.stdout) == (0, data)


def test_both_outputs_come_whole_and_apart(server: Served) -> None:
    done = server.ssh("odd", "both", "1000000")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"o" * 1_000_000, b"e" * 1_000_000)


def test_long_questions_are_kept_and_too_long_ones_refused(server: Served) -> None:
    question = "损" * 1_666_666  # five million bytes
    asked = server.ssh("chat", "-c", "cut", "--json", "-", stdin=question.encode())
    assert asked.returncode == 3, asked.stderr
    shown = json.loads(server.ssh("conversation", "show", json.loads(asked.stdout)["conversation"], "--json").stdout)
    assert shown["messages"][0]["content"] == question
    refused = server.ssh("chat", "-c", "echo", "-", stdin=b"x" * 9_000_000)
    assert refused.returncode == 2
    assert b"At most" in refused.stderr


def test_input_may_be_binary_empty_or_closed(server: Served) -> None:
    assert server.ssh("chat", "-c", "echo", stdin=random.Random(1).randbytes(10_000)).returncode == 0
    assert server.ssh("chat", "-c", "echo").returncode == 2, "an empty question"
    assert server.ssh("odd", "copy", before=["-n"]).returncode == 0


def test_whoever_reads_only_the_beginning_is_not_waited_for(server: Served) -> None:
    line = ["ssh", *server.options(), f"ann@{server.host}", "odd", "both", "500000"]
    script = " ".join(map(_quoted, line)) + " 2>/dev/null | head -c 1000"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=server.environment(), timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stdout) == (0, b"o" * 1000)
    nothing_runs(server)


def test_output_that_nobody_takes_ends_the_command(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSH does not say that its own output was closed. What it had taken in by then leaves its window shut for good."""
    monkeypatch.setattr("tui.ssh.command.UNREAD_S", 1.0)
    line = " ".join(map(_quoted, ["ssh", *server.options(), f"ann@{server.host}"]))
    window_filled = "read -n 1; sleep 1; exit"  # OpenSSH tells nobody that its window is full
    done = subprocess.run(
        ["bash", "-c", f"{line} odd flood 2>/dev/null | ({window_filled})"],
        capture_output=True, env=server.environment(), timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    nothing_runs(server)


def test_the_end_of_the_output_that_nobody_takes_ends_the_channel(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has ended; what is left waits for a window that never opens."""
    monkeypatch.setattr("tui.ssh.command.UNREAD_S", 1.0)

    async def work() -> None:
        async with await server.connect() as connection:
            channel, _session = await connection.create_session(_Deaf, "odd both 40000", encoding=None, window=16 * 1024)
            channel.pause_reading()
            await _the_end_of(server)
            channel.resume_reading()
            await asyncio.wait_for(channel.wait_closed(), LIMIT_S)
            assert channel.get_exit_status() == 0

    asyncio.run(work())
    nothing_runs(server)


async def _the_end_of(server: Served) -> None:
    """Of every channel, as the server sees it: they are closed, or have been told the end and wait for the client."""
    async with asyncio.timeout(LIMIT_S):
        while any(connection.channels for connection in server.context.connections):  # noqa: ASYNC110 - no event on this side
            await asyncio.sleep(0.05)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)


def test_a_client_that_does_not_read_holds_the_command_and_no_memory(server: Served) -> None:
    async def work() -> None:
        async with await server.connect() as connection:
            # A window that is larger than anything that may wait here.
            channel, _session = await connection.create_session(_Deaf, "odd flood", encoding=None, window=1 << 30)
            sock = connection.get_extra_info("socket")
            assert sock is not None
            connection._transport.pause_reading()  # type: ignore[union-attr]
            command = await _the_child(server)
            written = -1
            async with asyncio.timeout(LIMIT_S):
                while written != (written := _written(command)):  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(0.2)
            assert written < 16 * 1024 * 1024
            channel.abort()
            connection.abort()

    asyncio.run(work())
    nothing_runs(server)


class _Deaf(asyncssh.SSHClientSession[bytes]):
    pass


def _written(command: psutil.Process) -> int:
    text = Path(f"/proc/{command.pid}/io").read_text()
    return int(re.search(r"wchar: (\d+)", text)[1])  # type: ignore[index]


async def _the_child(server: Served) -> psutil.Process:
    async with asyncio.timeout(LIMIT_S):
        while not (found := children(server)):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)
    return found[0]


# Ends ----------------------------------------------------------------------------------------------------------------


def _last_answer(server: Served, question: str) -> dict[str, Any]:
    listed = json.loads(raw(run(server, f"conversation list '{question}' --json").stdout))
    shown = json.loads(raw(run(server, f"conversation show {listed[0]['id']} --json").stdout))
    return dict(shown["messages"][1])


def test_a_signal_stops_an_answer_and_keeps_what_came(server: Served) -> None:
    async def work() -> tuple[int | None, bytes]:
        async with await server.connect() as connection:
            process = await connection.create_process("chat -c slow 'stopped by a signal'", encoding=None)
            begun = await process.stdout.readexactly(20)
            process.send_signal("INT")
            done = await process.wait(timeout=LIMIT_S)
        return done.exit_status, begun

    status, begun = asyncio.run(work())
    assert status == 130
    answer = _last_answer(server, "stopped by a signal")
    assert answer["state"] == "stopped"
    assert answer["content"].encode().startswith(begun[:10])


@pytest.mark.parametrize("way", ["channel", "connection", "killed"])
def test_a_client_that_goes_leaves_its_answer_in_the_conversation(server: Served, way: str) -> None:
    question = f"the client goes by {way}"
    if way == "killed":
        line = ["ssh", *server.options(), f"ann@{server.host}", "chat", "-c", "slow", f"'{question}'"]
        client = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=server.environment())
        assert client.stdout is not None
        assert client.stdout.read(20)
        client.kill()
        client.wait()
        client.stdout.close()
    else:

        async def work() -> None:
            async with await server.connect() as connection:
                process = await connection.create_process(f"chat -c slow '{question}'", encoding=None)
                await process.stdout.readexactly(20)
                (process.channel if way == "channel" else connection).abort()

        asyncio.run(work())
    nothing_runs(server)
    answer = _last_answer(server, question)
    assert answer["state"] == "stopped"
    assert answer["content"]


def test_a_deaf_command_is_ended_firmly(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.ssh.command._GRACE_S", 0.1)

    async def work() -> None:
        async with await server.connect() as connection:
            process = await connection.create_process("odd deaf", encoding=None)
            assert await process.stdout.readline() == b"ready\n"

    asyncio.run(work())
    nothing_runs(server)


def test_an_exit_signal_is_reported(server: Served) -> None:
    async def work() -> Any:
        async with await server.connect() as connection:
            process = await connection.create_process("odd deaf", encoding=None)
            assert await process.stdout.readline() == b"ready\n"
            process.send_signal("TERM")  # not heard
            process.send_signal("USR1")  # not passed on
            process.send_signal("KILL")
            done = await process.wait(timeout=LIMIT_S)
        return done.exit_signal

    assert asyncio.run(work())[0] == "KILL"


def test_a_session_that_ends_takes_its_commands_along(server: Served) -> None:
    async def work() -> tuple[int | None, Any]:
        async with await server.connect("bob") as connection:
            process = await connection.create_process("odd wait", encoding=None)
            assert await process.stdout.readline() == b"ready\n"
            ended = await asyncio.to_thread(lambda: run(server, "user disable bob@example.org"))
            assert ended.exit_status == 0
            done = await process.wait(timeout=LIMIT_S)
        return done.exit_status, done.stderr

    _status, said = asyncio.run(work())
    nothing_runs(server)
    assert run(server, "user enable bob@example.org").exit_status == 0
    assert said


# Many at once --------------------------------------------------------------------------------------------------------


def test_eight_commands_at_once_and_not_one_more(server: Served) -> None:
    async def work() -> None:
        async with await server.connect() as one, await server.connect("bob") as other:
            waiting = [await one.create_process("odd wait", encoding=None) for _turn in range(AT_ONCE)]
            for process in waiting:
                assert await process.stdout.readline() == b"ready\n"
            done = await other.run("odd wait", encoding=None, stdin=asyncssh.DEVNULL)
            assert done.exit_status == 0, "there is room for one of somebody else"
            async with await server.connect() as more:
                refused = await more.run("conversation list", encoding=None)
            assert refused.exit_status == 2
            assert b"You have 8 commands running already" in raw(refused.stderr)
            ninth = await other.create_process("odd wait", encoding=None)
            assert await ninth.stdout.readline() == b"ready\n"
            refused = await other.run("conversation list", encoding=None)
            assert refused.exit_status == 2
            assert b"another has to wait" in raw(refused.stderr)
            for process in (*waiting, ninth):
                process.stdin.write_eof()
                assert (await process.wait(timeout=LIMIT_S)).exit_status == 0

    asyncio.run(work())
    nothing_runs(server)


def test_nothing_stays_open_in_the_worker(server: Served) -> None:
    for command in ("odd copy", "odd boom", "chat 'open", "no"):
        run(server, command)
    nothing_runs(server)
    before = psutil.Process().num_fds()
    for _turn in range(3):
        for command in ("odd copy", "odd boom", "chat 'open", "no"):
            run(server, command, stdin=b"x")
    nothing_runs(server)

    async def tasks() -> list[str]:
        return [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "command"]

    assert server.call(tasks) == []
    assert psutil.Process().num_fds() <= before + 1


# Other clients -------------------------------------------------------------------------------------------------------


def test_paramiko_gets_outputs_and_status(server: Served) -> None:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(server.host, server.port, "ann", PASSWORD, allow_agent=False, look_for_keys=False, timeout=LIMIT_S)
    try:
        stdin, stdout, stderr = client.exec_command("chat -c echo -", timeout=LIMIT_S)
        stdin.write("through paramiko")
        stdin.channel.shutdown_write()
        assert "through paramiko" in stdout.read().decode()
        assert (stderr.read(), stdout.channel.recv_exit_status()) == (b"", 0)
        stdin, stdout, stderr = client.exec_command("serve", timeout=LIMIT_S)
        assert (stdout.read(), stdout.channel.recv_exit_status()) == (b"", 2)
        assert b"no command" in stderr.read()
        for stream in (stdin, stdout, stderr):
            stream.close()
    finally:
        client.close()


def test_plink_gets_outputs_and_status(server: Served) -> None:
    need("plink", "ssh-keygen")
    home = {"HOME": str(server.folder), "PATH": os.environ["PATH"]}
    fingerprint = subprocess.run(
        ["ssh-keygen", "-lf", "-"], input=server.public_key.encode(), capture_output=True, check=True
    ).stdout.split()[1]
    line = ["plink", "-batch", "-ssh", "-P", str(server.port), "-hostkey", fingerprint.decode(), "-pw", PASSWORD, f"ann@{server.host}"]
    done = subprocess.run([*line, "chat -c echo -"], input=b"through plink", capture_output=True, env=home, timeout=LIMIT_S, check=False)
    assert (done.returncode, b"through plink" in done.stdout) == (0, True), done.stderr
    done = subprocess.run([*line, "serve"], input=b"", capture_output=True, env=home, timeout=LIMIT_S, check=False)
    assert (done.returncode, b"no command" in done.stderr) == (2, True)


# With a terminal -----------------------------------------------------------------------------------------------------


def test_a_terminal_asks_for_a_key_without_showing_it(server: Served) -> None:
    async def work() -> tuple[int | None, str]:
        async with await server.connect() as connection:
            process = await connection.create_process("config key echo", term_type="xterm", term_size=(100, 30), encoding=None)
            shown = await process.stdout.readuntil(b": ")
            process.stdin.write(b"sk-typed-here-123456\n")
            shown += await process.stdout.read()
            done = await process.wait(timeout=LIMIT_S)
        return done.exit_status, shown.decode()

    status, shown = asyncio.run(work())
    assert status in (0, 2), shown
    assert "API key:" in shown
    assert "sk-typed-here" not in shown


def test_a_terminal_has_its_size_and_learns_of_another(server: Served) -> None:
    async def work() -> tuple[list[os.terminal_size], str]:
        async with await server.connect() as connection:
            process = await connection.create_process("odd wait", term_type="xterm", term_size=(72, 20), encoding=None)
            assert await process.stdout.readline() == b"ready\r\n", "the terminal makes line ends of its own"
            command = await _the_child(server)
            sizes = [_size(command)]
            process.change_terminal_size(132, 50)
            async with asyncio.timeout(LIMIT_S):
                while (now := _size(command)) == sizes[0]:  # noqa: ASYNC110 - the kernel tells the command only
                    await asyncio.sleep(0.01)
            sizes.append(now)
            process.stdin.write(b"\x03")
            done = await process.wait(timeout=LIMIT_S)
            assert done.exit_status in (1, 130)
            narrow = await connection.run("help", term_type="xterm", term_size=(60, 20), encoding=None)
        return sizes, raw(narrow.stdout).decode()

    sizes, shown = asyncio.run(work())
    assert sizes == [os.terminal_size((72, 20)), os.terminal_size((132, 50))]
    assert max(map(len, shown.splitlines())) <= 60


def _size(command: psutil.Process) -> os.terminal_size:
    descriptor = os.open(f"/proc/{command.pid}/fd/0", os.O_RDONLY | os.O_NOCTTY)
    try:
        return os.get_terminal_size(descriptor)
    finally:
        os.close(descriptor)


def test_ctrl_c_in_a_terminal_stops_an_answer(server: Served) -> None:
    async def work() -> int | None:
        async with await server.connect() as connection:
            process = await connection.create_process("chat -c slow 'stopped in a terminal'", term_type="xterm", encoding=None)
            await process.stdout.readexactly(20)
            process.stdin.write(b"\x03")
            done = await process.wait(timeout=LIMIT_S)
        return done.exit_status

    assert asyncio.run(work()) == 130
    assert _last_answer(server, "stopped in a terminal")["state"] == "stopped"


def test_input_through_a_pipe_ends_also_in_a_terminal(server: Served) -> None:
    done = server.ssh("chat", "-c", "echo", "-", before=["-tt"], stdin="一行没有结尾".encode())
    assert done.returncode == 0, done.stdout
    assert "一行没有结尾" in done.stdout.decode()


def test_a_conversation_of_a_command_appears_in_an_open_terminal(server: Served) -> None:
    assert run(server, "config add quick --provider simulator --model sim-echo@0", "bob").exit_status == 0
    with server.terminal("bob") as terminal:
        terminal.until("Good to see you, bob.")
        done = run(server, "chat -c quick 'seen from the terminal'", "bob")
        assert done.exit_status == 0
        terminal.until("seen from the terminal")


# The whole server ----------------------------------------------------------------------------------------------------


def test_a_server_whose_spawner_is_killed_runs_commands_again(serve: ServeProcess) -> None:
    assert serve.ssh("conversation", "list", "--json").stdout == b"[]\n"
    workers = set(serve.health()["worker_pids"])
    (spawner,) = (child for child in psutil.Process(serve.process.pid).children() if child.pid not in workers)
    spawner.kill()
    assert serve.ssh("conversation", "list", "--json").stdout == b"[]\n"
    assert "runs commands" in serve.log()
    family = psutil.Process(serve.process.pid).children(recursive=True)
    assert serve.stop() == 0
    assert not psutil.wait_procs(family, LIMIT_S)[1]
