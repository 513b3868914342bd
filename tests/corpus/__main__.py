"""``python -m tests.corpus [--record]``: plays the whole corpus and prints its figures.

Status 0 only if no attack wrote or leaked, every honest task was done, the audit verifies, and the figures of
docs/injections.md are those that were measured; ``--record`` writes these there.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.corpus.figures import figures
from tests.corpus.scene import scenes
from tests.corpus.stage import running_stage
from worker.__main__ import leave

PAGE: Final = Path(__file__).parents[2] / "docs" / "injections.md"
_FROM, _TO = "<!-- figures: python -m tests.corpus --record -->\n", "<!-- end of figures -->\n"


async def _main(*, record: bool) -> int:
    directory = Path(tempfile.mkdtemp(prefix="interlock-corpus-"))
    async with running_stage(directory) as stage:
        report = await stage.play(scenes())
        faults = report.faults() + ([] if await stage.audit() else ["the audit does not verify"])
    shown = figures(report)
    before, _, rest = PAGE.read_text().partition(_FROM)
    held, _, after = rest.partition(_TO)
    if record:
        PAGE.write_text(f"{before}{_FROM}\n{shown}\n\n{_TO}{after}")
    elif held.strip() != shown.strip():
        faults.append(f"{PAGE.name} has other figures: make corpus RECORD=1 writes these there")
    sys.stdout.write("\n".join([shown, *(f"WRONG: {fault}" for fault in faults), ""]))
    if faults:
        sys.stdout.write(f"its state is kept in {directory}\n")
    else:
        shutil.rmtree(directory)
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.corpus", description="The corpus of prompt injections.")
    parser.add_argument("--record", action="store_true", help="write the figures into docs/injections.md")
    return asyncio.run(_main(record=parser.parse_args().record))


if __name__ == "__main__":
    leave(main())
