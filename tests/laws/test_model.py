"""The model of a write (docs/model/write.pml), checked by spin in every order of its steps: `make model`."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

MODEL: Final = Path(__file__).parents[2] / "docs" / "model" / "write.pml"
TOOLS: Final = ("spin", "gcc")
_MISSING: Final = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.model,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        bool(_MISSING) and not os.environ.get("CI"),
        reason=f"{' and '.join(_MISSING)} is missing: apt-get install {' '.join(_MISSING)}",
    ),
]

KINDS: Final = ("NONE", "LOOKUP", "NATIVE")
WORLDS: Final = {
    "NONE": ("", "COLLEAGUE SWITCH", "ATTEMPTS=3", "RESTORE"),
    "LOOKUP": ("", "SENDS=1 COLLEAGUE SWITCH", "SENDS=1 ATTEMPTS=3", "SENDS=1 RESTORE"),
    "NATIVE": ("", "SENDS=1 COLLEAGUE SWITCH", "SENDS=1 ATTEMPTS=3", "SENDS=1 RESTORE"),
}
#: What is broken on purpose, and a word of the law that it breaks.
BROKEN: Final = {
    "NONE NO_FENCE": "fence",
    "LOOKUP NO_FENCE": "fence",
    "NATIVE NO_FENCE": "fence",
    "NONE NO_GRANT": "granted",
    "NONE NO_STOP SWITCH": "voided",
    "NONE RESEND_NONE": "sends",
    "LOOKUP BLIND_RESEND": "effects",
    "LOOKUP NO_DOUBT": "outcome",
    "NATIVE NO_DOUBT": "outcome",
    "NATIVE FORGOTTEN": "effects",
    "NONE RESTORE OLD_GRANTS": "approvals",
    "NONE RESTORE OLD_CLAIMS": "epoch",
}


def _checked(directory: Path, words: str) -> str:
    """What spin's verifier says of the model with these words defined, exhaustively."""
    defined = [f"-D{word}" for word in words.split()]
    subprocess.run(["spin", *defined, "-a", str(MODEL)], cwd=directory, check=True, capture_output=True)
    subprocess.run(
        ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=4000", "-o", "pan", "pan.c"],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    found = subprocess.run(
        ["./pan", "-m100000", "-w24"], cwd=directory, check=False, capture_output=True, text=True
    )
    return found.stdout


@pytest.mark.parametrize(("kind", "world"), [(kind, world) for kind in KINDS for world in WORLDS[kind]])
def test_a_write_keeps_its_laws_in_every_order_of_its_steps(tmp_path: Path, kind: str, world: str) -> None:
    """No unapproved, second, lost or wrongly told effect; no stale fence settles; no deadlock."""
    said = _checked(tmp_path, f"{kind} {world}")
    assert "errors: 0" in said, said
    assert "Search not completed" not in said, said
    assert int(float(re.findall(r"([\d.e+]+) states, stored", said)[0])) > 10_000


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_write_has_a_counter_example(tmp_path: Path, words: str) -> None:
    """The model can fail: without this guard spin finds an order in which that law does not hold."""
    said = _checked(tmp_path, words)
    violated = re.search(r"assertion violated (.*)", said)
    assert violated is not None, said
    assert BROKEN[words] in violated[1]
