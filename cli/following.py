"""A run's events as the command line hears them: read off the wire, and asked for again where it is cut."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from cli.client import Gateway
from contracts.errors import Unavailable

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_PATIENCE: Final = 20
"""Connections that fail in a row, after which the gateway counts as gone: about a minute and a half."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


def read(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream's lines. Comments are none, nor is one that was cut before its blank line."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield Event(id=fields["id"], name=fields["event"], data=json.loads(fields["data"]))
        fields = {}


def so_far(gateway: Gateway, run_id: str) -> list[Event]:
    """Every event that there is now."""
    with gateway.events(run_id, follow=False) as answer:
        return list(read(answer.iter_lines()))


@dataclass(kw_only=True)
class Following:
    """Follows a run to its end over as many connections as that takes."""

    #: A gateway with a token that holds; asked for before every connection.
    connect: Callable[[], Gateway]
    run_id: str
    #: Told, in a sentence, that the connection was lost.
    complain: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep
    _last: str | None = None
    _failures: int = 0
    _over: bool = False

    def events(self) -> Iterator[Event]:
        """Each event once, in order.

        Raises:
            InterlockError: the gateway refuses, or was gone for too long.
            httpx.TransportError: it could not be reached at all.
        """
        while not self._over:
            try:
                yield from self._one_connection()
            except (httpx.TransportError, Unavailable) as error:
                if self._last is None:
                    raise
                if self._failures >= _PATIENCE:
                    raise Unavailable(
                        f"the gateway is gone; run {self.run_id} goes on without it, watch it again later"
                    ) from error
            if not self._over:
                self._wait()

    def _one_connection(self) -> Iterator[Event]:
        with self.connect().events(self.run_id, last=self._last) as answer:
            self._failures = 0
            self._over = answer.status_code == httpx.codes.NO_CONTENT
            for event in read(answer.iter_lines()):
                self._last, self._over = event.id, event.data["last"]
                yield event

    def _wait(self) -> None:
        after = "" if self._last is None else f" after event {self._last}"
        if self._failures == 0:
            self.complain(f"The connection was lost; asking again for what comes{after}.")
        self.pause(_PAUSES[min(self._failures, len(_PAUSES) - 1)])
        self._failures += 1
