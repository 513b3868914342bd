"""``python a_week_on.py MODULE …``: a module of ours as it would run with every clock of its own a week on.

What reads the time through ``time`` or checks a token's end sees the later time; AWS's client and Temporal,
whose servers are not moved, do not.
"""

import datetime
import runpy
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import jwt.api_jwt

WEEK: Final = 7 * 86_400
"""Seconds."""


class _Later(datetime.datetime):
    """What checks the end of a token asks it for the time."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + datetime.timedelta(seconds=WEEK)


def later(now: Callable[[], float]) -> Callable[[], float]:
    """That clock, a week on."""
    return lambda: now() + WEEK


def move_clocks() -> None:
    """From here on it is a week later in this process."""
    now_ns = time.time_ns
    time.time = later(time.time)
    time.time_ns = lambda: now_ns() + WEEK * 10**9
    jwt.api_jwt.datetime = _Later  # type: ignore[attr-defined]  # the library's own import


if __name__ == "__main__":
    move_clocks()
    module = sys.argv[1]
    del sys.argv[0]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
