"""The tests' own workers: ``python -m tests.chaos.worker DIRECTORY [--slots N] --role tools|agent``.

A tool worker that dies or stops at named points, and an agent worker that gives a silent activity up sooner.
"""

import argparse
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from tests.chaos.points import Points
from tests.chaos.wrapped import wrapped
from worker.__main__ import leave, run
from worker.parts import Role
from workflows import options

GIVEN_UP: Final = timedelta(seconds=5)
"""Without a heartbeat for so long an attempt counts as dead; in the shipped worker it is 10 s."""


def _pointed(role: Role, *, points: Points, slots: int | None) -> Role:
    return replace(wrapped(role, points), slots=slots)


def _main() -> int:
    parser = argparse.ArgumentParser(prog="tests.chaos.worker")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--slots", type=int, default=None)
    parser.add_argument("--role", required=True, choices=["tools", "agent"])
    given = parser.parse_args()
    if given.role == "tools":
        return run("tools", partial(_pointed, points=Points(given.directory), slots=given.slots))
    # The workflow reads these when it calls an activity: the module is shared with its sandbox.
    options.TOOLS["heartbeat_timeout"] = GIVEN_UP
    return run("agent")


if __name__ == "__main__":
    leave(_main())
