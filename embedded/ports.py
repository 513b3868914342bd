"""The ports of the embedded stack, on loopback only."""

import errno
import random
import socket
import time
from dataclasses import asdict, dataclass
from typing import Final, Self

from contracts.errors import Malformed, Unavailable

HOST: Final = "127.0.0.1"
DEFAULT_BASE: Final = 7710

_COUNT: Final = 7
_TRIES: Final = 200
_SYSTEM: Final = random.SystemRandom()
# The children of a supervisor that was killed a moment ago end a moment later.
_PATIENCE_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Ports:
    """One port for each part that listens."""

    gateway: int
    temporal: int
    temporal_ui: int
    slack: int
    aws: int
    helpdesk: int
    #: Taken only where the break-glass process runs.
    break_glass: int

    @classmethod
    def of(cls, base: int) -> Self:
        """Seven ports in a row. Raises Malformed where they are none."""
        if not 1_024 <= base <= 65_536 - _COUNT:
            raise Malformed(f"--port-base {base} does not work: give one from 1024 to {65_536 - _COUNT}")
        return cls._of(range(base, base + _COUNT))

    @classmethod
    def free(cls) -> Self:
        """Seven ports in a row that nobody listened on a moment ago, below those that the kernel hands out.

        Raises:
            Unavailable: none were found.
        """
        for _ in range(_TRIES):
            base = _SYSTEM.randrange(10_000, 32_000, _COUNT)
            if all(_refusal(port) is None for port in range(base, base + _COUNT)):
                return cls.of(base)
        raise Unavailable(f"no {_COUNT} free ports in a row were found on {HOST}")

    @classmethod
    def _of(cls, given: range) -> Self:
        return cls(**dict(zip(cls.__dataclass_fields__, given, strict=True)))

    def check(self, *, break_glass: bool = False) -> None:
        """Blocks. Raises Unavailable, naming the port, where one stays taken."""
        for part, port in asdict(self).items():
            if part != "break_glass" or break_glass:
                await_free(part, port)


def await_free(part: str, port: int) -> None:
    """Blocks. Raises Unavailable, naming the port, where it stays taken."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (reason := _refusal(port)) is not None:
        if time.monotonic() > deadline:
            name = part.replace("_", " ")
            raise Unavailable(
                f"port {port} on {HOST} (for the {name}) {reason}: choose others with --port-base"
            )
        time.sleep(0.05)


def url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _refusal(port: int) -> str | None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(1)
        except OSError as error:
            return "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return None
