"""The named points of a write, and what is ordered to happen to the process that passes one.

Nothing here is part of the product. A worker that was started by the tests' own entry module wraps the
ports that lie on either side of each statement (``tests.chaos.wrapped``); the shipped worker has no hook, no
switch and no variable that could stop it.
"""

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Point(StrEnum):
    """Before and after each statement that matters in a write."""

    BEFORE_CLAIM = "before_claim"
    AFTER_CLAIM = "after_claim"
    BEFORE_SEND = "before_send"
    AFTER_SEND = "after_send"
    BEFORE_SETTLE = "before_settle"
    AFTER_SETTLE = "after_settle"
    AFTER_ACK = "after_ack"


class Way(StrEnum):
    """What happens to the process, by its own hand."""

    KILL = "kill"
    STOP = "stop"

    @property
    def signal(self) -> int:
        return signal.SIGKILL if self is Way.KILL else signal.SIGSTOP


@dataclass(frozen=True, kw_only=True)
class Order:
    """To whoever first passes the point with a key that holds these words."""

    point: Point
    way: Way
    #: Such as ``email.send:T-18421``; empty: any key.
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A process that passed a point, or was ended or stopped there."""

    point: str
    key: str
    pid: int
    struck: str
    at: float


class Points:
    """Orders and passages in a directory: the processes that write them die without warning."""

    def __init__(self, directory: Path) -> None:
        self._orders = directory / "orders"
        self._passages = directory / "passages.jsonl"
        self._orders.mkdir(parents=True, exist_ok=True)

    def order(self, order: Order) -> None:
        """Whole or not at all: a worker may look at any moment."""
        name = secrets.token_hex(8)
        draft = self._orders / f"{name}.draft"
        draft.write_text(json.dumps(asdict(order)))
        draft.rename(self._orders / f"{name}.json")

    def waiting(self) -> int:
        """Orders that nobody has met yet."""
        return len(list(self._orders.glob("*.json")))

    def clear(self) -> None:
        """Take every order back that nobody has met yet."""
        for file in self._orders.glob("*.json"):
            file.unlink(missing_ok=True)

    def wanted(self, point: Point) -> bool:
        return any(order.point == point for _, order in self._open())

    def passed(self, point: Point, key: str) -> None:
        """Write it down; then, where that is ordered, the process ends or stops here."""
        for file, order in self._open():
            if order.point == point and order.words in key and _taken(file):
                self._note(point, key, order.way)
                os.kill(os.getpid(), order.way.signal)
                return
        self._note(point, key, "")

    def ended(self, key: str) -> None:
        """An attempt is over, whatever came of it."""
        self._note("ended", key, "")

    def passages(self) -> Sequence[Passage]:
        if not self._passages.exists():
            return ()
        return [Passage(**json.loads(line)) for line in self._passages.read_text().splitlines()]

    async def struck(self, point: str, key: str, *, seconds: float = 45) -> Passage:
        """The process that was ended or stopped at this point, once it was."""
        async with asyncio.timeout(seconds):
            while True:
                for passage in self.passages():
                    if (passage.point, passage.key) == (point, key) and passage.struck:
                        return passage
                await asyncio.sleep(0.05)

    def _open(self) -> list[tuple[Path, Order]]:
        found = []
        for file in sorted(self._orders.glob("*.json")):
            try:
                said: dict[str, Any] = json.loads(file.read_text())
            except FileNotFoundError:
                continue
            found.append((file, Order(point=Point(said["point"]), way=Way(said["way"]), words=said["words"])))
        return found

    def _note(self, point: str, key: str, struck: str) -> None:
        passage = Passage(point=point, key=key, pid=os.getpid(), struck=struck, at=time.time())
        with self._passages.open("a") as file:
            file.write(json.dumps(asdict(passage)) + "\n")


def _taken(file: Path) -> bool:
    """An order is for one process: the file system says for which."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
