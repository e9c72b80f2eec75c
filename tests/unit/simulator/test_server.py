"""Addresses, the request log, the simulator inside the application, and the shell command."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys

import httpx
import pytest

from core.errors import EnvironmentProblem
from core.llm.simulator.control import SimulatorControl
from core.llm.simulator.server import Simulator
from tests.unit.simulator.support import Asker, body_of, url_of


class TestAddresses:
    async def test_a_taken_port(self, simulator: Simulator) -> None:
        with pytest.raises(EnvironmentProblem) as problem:
            await Simulator().start(port=simulator.port)
        assert problem.value.fields == {"what": "port_taken", "port": simulator.port, "host": "127.0.0.1"}

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid"])
    async def test_only_loopback_unless_it_is_meant(self, host: str) -> None:
        with pytest.raises(EnvironmentProblem) as problem:
            await Simulator().start(host)
        assert problem.value.fields["what"] == "not_loopback"

    @pytest.mark.parametrize(("host", "port", "what"), [("192.0.2.1", 0, "address_unknown"), ("127.0.0.1", 70_000, "port_forbidden")])
    async def test_addresses_that_are_not_to_be_had(self, host: str, port: int, what: str) -> None:
        with pytest.raises(EnvironmentProblem) as problem:
            await Simulator().start(host, port, beyond_loopback=True)
        assert problem.value.fields["what"] == what

    @pytest.mark.parametrize(
        ("host", "shown", "reachable"),
        [("localhost", "127.0.0.1", False), ("127.0.0.5", "127.0.0.5", False), ("0.0.0.0", "127.0.0.1", True)],
    )
    async def test_base_urls_work_as_they_are(self, host: str, shown: str, reachable: bool) -> None:
        simulator = Simulator()
        await simulator.start(host, beyond_loopback=True)
        root = f"http://{shown}:{simulator.port}"
        assert simulator.base_urls == {"openai": f"{root}/v1", "ollama": root, "anthropic": f"{root}/anthropic"}
        assert simulator.reachable_by_others is reachable
        asker = Asker(simulator)
        assert (await asker.post("sim-echo@0", "hi")).status_code == 200
        await asker.http.aclose()
        await simulator.stop()


class TestLog:
    async def test_what_was_asked_can_be_proved(self, asker: Asker, form: str) -> None:
        parameters = {"options": {"temperature": 0.5}} if form == "ollama" else {"temperature": 0.5}
        messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}]
        await asker.ask("sim-echo@0", form=form, messages=messages, **parameters)
        record = asker.simulator.requests[-1]
        assert (record.protocol, record.model, record.message_count, record.last_user_text) == (form, "sim-echo@0", 3, "three")
        assert (record.stream, record.status, record.tokens_sent, record.finished) == (True, 200, 1, True)
        assert parameters.items() <= record.parameters.items()
        assert record.headers["user-agent"].startswith("python-httpx")

    async def test_keys_are_never_kept(self, asker: Asker) -> None:
        secrets = {"Authorization": "Bearer sk-secret-1", "x-api-key": "sk-secret-2", "Cookie": "sk-secret-3", "X-My-Token": "sk-secret-4"}
        await asker.http.post(url_of(asker.simulator, "openai"), json=body_of("sim-echo@0", "hi"), headers=secrets)
        headers = asker.simulator.requests[-1].headers
        assert "secret" not in str(headers)
        assert headers["authorization"] == asker.simulator.fingerprint("sk-secret-1")
        assert headers["x-api-key"] == asker.simulator.fingerprint("sk-secret-2") != asker.simulator.fingerprint("sk-secret-1")
        assert Simulator().fingerprint("sk-secret-1") != asker.simulator.fingerprint("sk-secret-1")
        shown = await asker.http.get(asker.simulator.base_urls["ollama"] + "/simulator/requests")
        assert "secret" not in shown.text

    async def test_it_is_served_as_json_and_bounded(self) -> None:
        simulator = Simulator(log_limit=3)
        await simulator.start()
        asker = Asker(simulator)
        for number in range(5):
            await asker.ask("sim-echo@0", f"{number} " + "x" * 10_000, metadata={"big": "x" * 10_000})
        shown = (await asker.http.get(simulator.base_urls["ollama"] + "/simulator/requests")).json()
        assert shown["total"] == simulator.request_count == 5
        assert [request["last_user_text"][0] for request in shown["requests"]] == ["2", "3", "4"]
        assert all(len(request["last_user_text"]) == 4000 for request in shown["requests"])
        assert shown["requests"][0]["parameters"].keys() == {"left_out_bytes"}
        await asker.http.aclose()
        await simulator.stop()

    async def test_refused_requests_are_logged_too(self, asker: Asker) -> None:
        await asker.post("gpt-4o")
        await asker.http.get(asker.simulator.base_urls["openai"] + "/nothing")
        await asker.http.get(asker.simulator.base_urls["openai"] + "/models")
        assert [(record.path, record.status) for record in asker.simulator.requests] == [
            ("/v1/chat/completions", 404), ("/v1/nothing", 404), ("/v1/models", 200),
        ]  # fmt: skip


class TestControl:
    async def test_one_simulator_started_when_first_needed(self) -> None:
        control = SimulatorControl()
        assert control.simulator is None
        urls = await asyncio.gather(*(control.ensure() for _time in range(10)))
        assert len(set(urls)) == 1
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.post(urls[0] + "/chat/completions", json=body_of("sim-chat@0", "hi", stream=False) | {"stream": False})
            hidden = await client.get(urls[0].removesuffix("/v1") + "/simulator/requests")
        assert (answer.status_code, hidden.status_code) == (200, 404)
        assert control.simulator is not None
        assert [record.last_user_text for record in control.simulator.requests] == ["hi", ""]
        await control.close()
        await control.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", httpx.URL(urls[0]).port)

    async def test_it_starts_again_after_close(self) -> None:
        control = SimulatorControl()
        await control.ensure()
        await control.close()
        assert (await control.ensure()).endswith("/v1")
        await control.close()


class TestCommand:
    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tui.cli", "simulate", *arguments]
        return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    async def test_it_prints_one_line_serves_and_ends_cleanly(self, number: signal.Signals) -> None:
        process = await self.start("--port", "0")
        assert process.stdout is not None
        line = json.loads(await process.stdout.readline())
        assert line["simulator"] is True
        assert "sim-markdown" in line["models"]
        assert line["base_urls"]["openai"] == f"http://127.0.0.1:{line['port']}/v1"
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            stalled = asyncio.create_task(
                client.post(line["base_urls"]["openai"] + "/chat/completions", json=body_of("sim-stall-head", "hi"))
            )
            asked = await client.get(line["base_urls"]["ollama"] + "/simulator/requests")
            assert asked.status_code == 200
            process.send_signal(number)
            out, err = await process.communicate()
            assert (process.returncode, out, err) == (0, b"", b"")
            with pytest.raises(httpx.TransportError):
                await stalled

    async def test_a_taken_port_is_said_with_its_remedy(self) -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            process = await self.start("--port", str(port))
            out, err = await process.communicate()
        assert (process.returncode, out) == (2, b"")
        assert f"Port {port} is taken." in err.decode()
        assert "--port" in err.decode()

    async def test_an_address_that_others_reach_is_warned_of(self) -> None:
        process = await self.start("--host", "0.0.0.0")
        assert process.stdout is not None
        await process.stdout.readline()
        process.terminate()
        _out, err = await process.communicate()
        assert "Other machines can reach 0.0.0.0." in err.decode()
        assert process.returncode == 0
