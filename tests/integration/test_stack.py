"""The embedded stack: its directory, its ports, its children, and one whole start of what needs no worker."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from contracts.errors import Conflict, Malformed, Refused, Unavailable
from embedded import break_glass as glass
from embedded import endpoints
from embedded.aws.server import start_command
from embedded.endpoints import Endpoints
from embedded.lock import held
from embedded.ports import Ports
from embedded.process import Child, Command, Event
from embedded.publish import publish
from embedded.roles import Roles, inherited
from embedded.seed import store_url
from embedded.stack import running_stack, shipped_policies, shipped_tools

SLEEPS = (sys.executable, "-S", "-c", "import time; time.sleep(600)")


async def _alive(_pid: int) -> bool:
    return True


def _child(state: Path, *arguments: str, tell: Callable[[Event], None] = lambda _: None) -> Child:
    command = Command(name="part", arguments=arguments, environment={"PATH": os.defpath}, probe=_alive)
    return Child(command, state, tell)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_stack_holds_a_state_directory(tmp_path: Path) -> None:
    """A second stack on the same directory is refused, and told which process holds it."""
    with held(tmp_path / "s"), pytest.raises(Conflict, match=str(os.getpid())), held(tmp_path / "s"):
        pass
    with held(tmp_path / "s"):
        pass


def test_a_reset_empties_our_directory_only(tmp_path: Path) -> None:
    """``--reset`` deletes what is in a state directory of ours, follows no link, and touches no other's."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "novel.txt").write_text("years of work")
    with held(ours):
        (ours / "logs").mkdir()
        (ours / "interlock.db").touch()
        (ours / "link").symlink_to(theirs)
    with held(ours, reset=True):
        assert {entry.name for entry in ours.iterdir()} == {"lock", "interlock-state"}
    with pytest.raises(Refused, match="not Interlock's"), held(theirs, reset=True):
        pass
    assert [entry.name for entry in theirs.iterdir()] == ["novel.txt"]


def test_a_reset_of_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    """Nothing is deleted under a running stack."""
    with held(tmp_path / "s"):
        (tmp_path / "s" / "interlock.db").touch()
        with pytest.raises(Conflict), held(tmp_path / "s", reset=True):
            pass
        assert (tmp_path / "s" / "interlock.db").exists()


def test_a_state_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """A path that is no directory names itself and the option."""
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="--state"), held(tmp_path / "file"):
        pass


def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the port, what wanted it, and the option."""
    monkeypatch.setattr("embedded.ports._PATIENCE_SECONDS", 0.0)
    ports = Ports.free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.slack))
        other.listen(1)
        with pytest.raises(Unavailable, match=rf"{ports.slack}.*slack.*--port-base"):
            ports.check()
    with pytest.raises(Malformed, match="--port-base 80"):
        Ports.of(80)


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    """A killed child is back with another pid, and both are told."""
    told: list[Event] = []
    changed = asyncio.Event()
    child = _child(tmp_path, *SLEEPS, tell=told.append)
    await child.start()
    first = child.pid
    keeper = asyncio.create_task(child.keep(changed.set))
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(10):
        await changed.wait()
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)
    second = child.pid
    await child.stop()
    assert second != first
    assert told[0].kind == "died"
    assert "SIGKILL" in told[0].text
    assert not _exists(second)


async def test_a_child_that_ends_at_its_start_says_why(tmp_path: Path) -> None:
    """The error carries the last line of the log."""

    async def never(_pid: int) -> bool:
        return False

    command = Command(
        name="part",
        arguments=(sys.executable, "-S", "-c", "raise SystemExit('no such key')"),
        environment={},
        probe=never,
    )
    with pytest.raises(Unavailable, match=r"status 1.*no such key"):
        await Child(command, tmp_path, lambda _: None).start()


async def test_no_child_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    """SIGKILL of the supervisor ends its children, though each has a session of its own."""
    program = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from embedded.process import Child, Command\n"
        "async def alive(pid): return True\n"
        f"command = Command(name='part', arguments={SLEEPS!r}, environment={{}}, probe=alive)\n"
        "async def main():\n"
        "    child = Child(command, Path(sys.argv[1]), print)\n"
        "    await child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(await supervisor.stdout.readline())
    # Killed before the tether was tied, it ends as well; here it is to be tied.
    await asyncio.sleep(0.3)
    assert _exists(pid)
    supervisor.kill()
    await supervisor.communicate()
    async with asyncio.timeout(5):
        while _exists(pid) and _state(pid) != "Z":  # noqa: ASYNC110  a process sets no event of ours
            await asyncio.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "Z"


async def test_a_model_providers_key_reaches_the_agent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the caller's environment nothing else reaches any process."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    roles = Roles(
        state=tmp_path,
        ports=Ports.of(7710),
        tools=shipped_tools(),
        tenants=["acme"],
        addresses={"my-bank": "http://127.0.0.1:1"},
        headless=True,
        build="b",
    )
    seen = {role: roles.environment(role) for role in ("gateway", "agent", "broker", "tools", "break-glass")}
    assert [role for role, found in seen.items() if "OPENAI_API_KEY" in found] == ["agent"]
    assert not any("AWS_SECRET_ACCESS_KEY" in found for found in seen.values())
    assert [role for role, found in seen.items() if "INTERLOCK_ADDRESS_MY_BANK" in found] == [
        "tools",
        "break-glass",
    ]
    assert "mine" not in start_command(1, tmp_path)[1].values()


def test_the_last_port_is_break_glasss_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others stay where they were, and one who does not run it may find it taken."""
    monkeypatch.setattr("embedded.ports._PATIENCE_SECONDS", 0.0)
    assert list(asdict(Ports.of(7710)).items())[-2:] == [("helpdesk", 7715), ("break_glass", 7716)]
    ports = Ports.free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.break_glass))
        other.listen(1)
        ports.check()
        with pytest.raises(Unavailable, match=rf"{ports.break_glass}.*break glass.*--port-base"):
            ports.check(break_glass=True)


def test_endpoints_name_break_glass_only_where_it_runs() -> None:
    """No null stands for a process that was not asked for."""
    parts = dict.fromkeys(("gateway", "temporal", "temporal_ui", "slack", "aws", "helpdesk", "state"), "")
    assert "break_glass" not in Endpoints(**parts, pids={}).document()
    assert Endpoints(**parts, pids={}, break_glass="http://b").document()["break_glass"] == "http://b"


def test_break_glass_is_started_beside_a_running_stack_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets the settings that the stack wrote down, says that it is this process, and is one alone."""
    monkeypatch.setattr("embedded.ports._PATIENCE_SECONDS", 0.0)
    with pytest.raises(Unavailable, match="interlock dev --break-glass"):
        glass.serve_beside(tmp_path)
    port = Ports.free().break_glass
    glass.keep_settings(tmp_path, port, {"INTERLOCK_ENV": "dev"})
    beside = glass.serve_beside(tmp_path)
    assert beside.port == port
    assert beside.environment == {**inherited(), "INTERLOCK_ENV": "dev"}
    kept = json.loads((tmp_path / "break-glass.json").read_text())
    assert kept == {"url": f"http://127.0.0.1:{port}", "pid": os.getpid()}
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen(1)
        with pytest.raises(Unavailable, match=f"port {port}.*runs there already"):
            glass.serve_beside(tmp_path)
    glass.forget(tmp_path)
    assert not list(tmp_path.iterdir())


SETTINGS = {
    "ENV", "STORE", "AWS", "TOOLS", "ADDRESS_HELPDESK", "TENANTS", "PROBE_CREDENTIAL", "SLACK_URL",
    "SLACK_ALERTS", "WEB_HOSTS", "BREAK_GLASS_KEYRING", "BREAK_GLASS_PAGES",
}  # fmt: skip


async def test_the_stack_comes_up_and_leaves_nothing(tmp_path: Path) -> None:
    """Everything answers, says where it is, publishes once, and is gone at the end; break-glass too."""
    state = tmp_path / "s"
    async with running_stack(state, headless=True, break_glass=True) as found:
        kept = endpoints.read(state)
        assert kept == json.loads(json.dumps(found.document()))
        assert set(found.pids) == {
            "dev", "temporal", "aws", "slack", "helpdesk", "gateway", "agent", "broker", "tools",
            "break-glass",
        }  # fmt: skip
        again = await publish(store_url(state), shipped_policies(), shipped_tools(), "dev", "test")
        assert again == []
        await _break_glass_comes_back(state, found)
    assert endpoints.read(state) is None
    assert not (state / "break-glass.json").exists()
    assert not any(_exists(pid) for part, pid in found.pids.items() if part != "dev")


async def _break_glass_comes_back(state: Path, found: Endpoints) -> None:
    """It knows its settings and no other, and after a kill its file names the one that was started again."""
    where = json.loads((state / "break-glass.json").read_text())
    assert where == {"url": found.break_glass, "pid": found.pids["break-glass"]}
    environment = psutil.Process(where["pid"]).environ()
    ours = {name for name in environment if name.startswith("INTERLOCK_")}
    assert ours == {f"INTERLOCK_{name}" for name in SETTINGS}
    # Python sets LC_CTYPE by itself where no locale is named (PEP 538).
    assert set(environment) - ours <= {*inherited(), "PWD", "LC_CTYPE"}
    beside = json.loads((state / "break-glass-settings.json").read_text())["settings"]
    assert beside == {name: environment[name] for name in ours}
    os.kill(where["pid"], signal.SIGKILL)
    async with asyncio.timeout(10):
        while json.loads((state / "break-glass.json").read_text()) == where:  # noqa: ASYNC110  a file sets no event
            await asyncio.sleep(0.05)
