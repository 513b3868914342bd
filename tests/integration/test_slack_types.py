"""Cards against the types that Slack publishes for Block Kit, by the TypeScript compiler."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from tests.card_scenes import SCENES, drawn

PACKAGES: Final = ("typescript@5.9.3", "@slack/types@3.2.0")
CACHE: Final = Path(sys.prefix) / "-".join(name.replace("/", "-").replace("@", "-") for name in PACKAGES)
CARDS: Final = "\n".join(
    [
        'import type { KnownBlock } from "@slack/types";',
        "// @ts-expect-error Slack renders no markup in a header: these types do tell.",
        'export const wrong: KnownBlock[] = [{ type: "header", text: { type: "mrkdwn", text: "*x*" } }];',
        *(
            f"export const card{number}: KnownBlock[] = {json.dumps(drawn(scene).blocks)};"
            for number, scene in enumerate(SCENES)
        ),
    ]
)


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)


def _packages() -> Path:
    """The compiler and the types, installed once beside this Python: whole, or not at all."""
    trouble = "" if shutil.which("npm") and shutil.which("node") else "there is no node and npm"
    if not trouble and not CACHE.exists():
        with tempfile.TemporaryDirectory(dir=CACHE.parent) as parent:
            trouble = _install(Path(parent) / "packages")
    if trouble and "CI" in os.environ:
        pytest.fail(f"the cards cannot be held against Slack's published types: {trouble}")
    if trouble:
        pytest.skip(f"NOTICE: the cards were not held against Slack's published types: {trouble}")
    return CACHE / "node_modules"


def _install(folder: Path) -> str:
    """Why it did not work; empty: it did."""
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    options = ("--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund")
    done = _run("npm", "install", *options, *PACKAGES, folder=folder)
    if done.returncode:
        return done.stderr[:200] or "npm failed"
    folder.rename(CACHE)
    return ""


def test_cards_are_of_the_types_that_slack_publishes(tmp_path: Path) -> None:
    """Every scene compiles as ``KnownBlock[]``, and what is no block does not."""
    modules = _packages()
    (tmp_path / "node_modules").symlink_to(modules)
    (tmp_path / "cards.ts").write_text(CARDS)
    compiler = modules / "typescript" / "bin" / "tsc"
    checked = _run("node", str(compiler), "--noEmit", "--strict", "cards.ts", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout
