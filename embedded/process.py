"""One child process: started, watched, started again, stopped."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from contracts.errors import InterlockError, Unavailable

_TETHER: Final = Path(__file__).with_name("tether.py")
_ANSWER_SECONDS: Final = 45.0
_STOP_SECONDS: Final = 5.0
_FIRST_DELAY_SECONDS: Final = 0.2
_LONGEST_DELAY_SECONDS: Final = 5.0
#: A child that lived this long starts its back-off anew.
_SETTLED_SECONDS: Final = 30.0
_LARGEST_LOG: Final = 10 * 1024 * 1024

#: Whether the process of that pid answers.
Probe: TypeAlias = Callable[[int], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is run, with its whole environment."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    probe: Probe


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that the person in front of the stack wants to see."""

    part: str
    #: ``ready``, ``died``, ``back``, ``silent``; of the policy ``changed``; of a secret that the operator has
    #: to give, ``missing``.
    kind: str
    seconds: float
    text: str


class Child:
    """A child in a session of its own, which does not outlive this process."""

    def __init__(self, command: Command, state: Path, tell: Callable[[Event], None]) -> None:
        self.command = command
        self._state = state
        self._log = state / "logs" / f"{command.name}.log"
        self._tell = tell
        self._process: Process | None = None
        self._began = 0.0

    @property
    def pid(self) -> int:
        return self._running().pid

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            Unavailable: it ended first, or does not answer; names its log.
        """
        await self._spawn()
        await self._answered()

    async def keep(self, changed: Callable[[], None]) -> None:
        """Start it again whenever it ends, for ever; ``changed`` is called after each new pid."""
        delay = _FIRST_DELAY_SECONDS
        while True:
            status = await self._running().wait()
            lived = time.monotonic() - self._began
            delay = _FIRST_DELAY_SECONDS if lived > _SETTLED_SECONDS else delay
            self._say("died", lived, f"{_ending(status)}; starting it again in {delay:g} s, see {self._log}")
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)
            try:
                await self._spawn()
            except OSError as error:
                self._say("silent", 0.0, f"could not be started ({error.strerror})")
                continue
            changed()
            await self._back()

    async def stop(self) -> None:
        """SIGTERM, and after five seconds SIGKILL to its whole session."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def _spawn(self) -> None:
        self._log.parent.mkdir(mode=0o700, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LARGEST_LOG:
            self._log.replace(self._log.with_suffix(".log.1"))
        tether = (sys.executable, "-S", "-E", "-P", str(_TETHER), str(os.getpid()))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tether,
                *self.command.arguments,
                env=dict(self.command.environment),
                cwd=self._state,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        self._began = time.monotonic()

    async def _answered(self) -> None:
        process, deadline = self._running(), time.monotonic() + _ANSWER_SECONDS
        while not await self.command.probe(process.pid):
            if process.returncode is not None:
                ending = _ending(process.returncode)
                raise Unavailable(f"{self.command.name} {ending} before it was ready: {self._last_line()}")
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{self.command.name} did not answer within {_ANSWER_SECONDS:g} s: see {self._log}"
                )
            await asyncio.sleep(0.05)

    async def _back(self) -> None:
        try:
            await self._answered()
        except InterlockError as error:
            self._say("silent", time.monotonic() - self._began, error.sentence)
        else:
            self._say("back", time.monotonic() - self._began, "answers again")

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"{self.command.name} was never started")
        return self._process

    def _say(self, kind: str, seconds: float, text: str) -> None:
        self._tell(Event(part=self.command.name, kind=kind, seconds=seconds, text=text))

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1][:400] if lines else 'it said nothing'} (see {self._log})"


def _ending(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
