"""``python -m tests.chaos --rounds N --writes W [--seed S]``: rounds of chaos, and their figures.

Status 0 only if no write was doubled, lost, unapproved or reported wrongly.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.rounds import Round, played
from tests.chaos.stage import running_stage
from tests.chaos.table import table
from worker.__main__ import leave


def _told(found: Round) -> str:
    troubles = ", ".join(f"{name} {times}" for name, times in sorted(found.troubles.items()))
    lines = [f"round of seed {found.seed}: {found.seconds:.0f} s; {troubles}", table(found.books)]
    lines += [f"WRONG: {fault}" for fault in found.faults()]
    return "\n".join(lines)


async def _main(rounds: int, writes: int, seed: int) -> int:
    approved = agreeing = wrong = 0
    for number in range(seed, seed + rounds):
        _say(f"seed {number} (ROUNDS=1 SEED={number} plays this round again)")
        directory = Path(tempfile.mkdtemp(prefix=f"interlock-chaos-{number}-"))
        async with running_stage(directory) as stage:
            found = await played(stage, seed=number, writes=writes)
        approved += len(found.books.entries)
        agreeing += found.books.agreeing
        wrong += len(found.faults())
        _say(_told(found))
        if found.faults():
            _say(f"its state is kept in {directory}")
        else:
            shutil.rmtree(directory)
    _say(f"{rounds} rounds: {approved} approved writes, books in agreement {agreeing} of {approved}")
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Play the rounds, each on a stack of its own; the state of one that found something wrong is kept."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description="Rounds of chaos.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--writes", type=int, default=60, help="approved writes in each round")
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    return asyncio.run(_main(given.rounds, given.writes, seed))


if __name__ == "__main__":
    leave(main())
