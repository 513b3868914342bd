"""The model of a write (docs/model), checked by spin in every order of its steps: `make model`."""

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

#: Every order of every step, with any number of deaths, stops and lost messages.
WORLDS: Final = (
    "NONE",
    "NONE SENDS=1 WITHDRAW CANCEL",
    "NONE SENDS=1 POLICY COLLEAGUE",
    "NONE SENDS=1 SWITCH CANCEL",
    "NONE SENDS=1 WORD ATTEMPTS=3",
    "NONE RESTORE",
    "LOOKUP",
    "LOOKUP SENDS=1 WORD",
    "LOOKUP SENDS=1 COLLEAGUE",
    "LOOKUP SENDS=1 CANCEL",
    "LOOKUP SENDS=1 WITHDRAW",
    "LOOKUP SENDS=1 RESTORE",
    "LOOKUP UNVERSIONED SENDS=1 WORD CANCEL",
    "NATIVE SENDS=1 WORD",
    "NATIVE SENDS=1 CANCEL",
    "NATIVE SENDS=1 SWITCH",
    "NATIVE SENDS=1 RETENTION",
    "NATIVE SENDS=1 RESTORE",
)
#: With so many faults and then none, under weak fairness: the law of liveness.
LIVELY: Final = (
    "NONE SENDS=1 FAULTS=2 ATTEMPTS=4",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=4 RESTORE",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=3 CANCEL",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=5 SWITCH",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=3 WORD WITHDRAW",
    "LOOKUP SENDS=1 FAULTS=1 ATTEMPTS=4",
    "NATIVE SENDS=1 FAULTS=1 ATTEMPTS=4",
)
#: A guard that is taken out, and a word of the law that then does not hold.
BROKEN: Final = {
    "NONE SENDS=1 NO_GRANT": "granted",
    "NONE SENDS=1 WITHDRAW LATE_WITHDRAW": "granted",
    "NONE SENDS=1 SWITCH NO_STOP": "voided",
    "NONE SENDS=1 CANCEL CLOSED_CLAIM": "cancel",
    "NONE SENDS=1 NO_FENCE": "fence",
    "LOOKUP SENDS=1 NO_FENCE": "fence",
    "NATIVE SENDS=1 NO_FENCE": "fence",
    "NONE SENDS=1 RESEND_NONE": "sends",
    "LOOKUP SENDS=1 BLIND_RESEND": "effects",
    "LOOKUP UNVERSIONED SENDS=1 BLIND_RESEND": "effects",
    "NATIVE SENDS=1 RETENTION NO_RETENTION": "effects",
    "LOOKUP SENDS=1 NO_DOUBT": "outcome",
    "NATIVE SENDS=1 NO_DOUBT": "outcome",
    "NONE SENDS=1 WITHDRAW LATE_REFUSAL": "outcome",
    "NONE SENDS=1 WITHDRAW ENDED_CLAIM": "outcome",
    "NONE SENDS=1 POLICY ENDED_CLAIM": "outcome",
    "NONE SENDS=1 ATTEMPTS=3 FAULTS=2 COLLEAGUE THAW_CLAIMED": "claim_gen",
    "NONE SENDS=1 NO_LEAVE_OPEN": "claim",
    "NONE SENDS=1 NO_QUESTION": "asked",
    "NATIVE SENDS=1 ATTEMPTS=3 FAULTS=2 WORD WORD_OVER": "outcome",
    "NONE SENDS=1 RESTORE UNDOUBTED": "asked",
    "NATIVE SENDS=1 FAULTS=1 RESTORE OLD_FENCES": "epoch",
    "NATIVE FAULTS=1 RESTORE OLD_UNSENT": "outcome",
    "NATIVE SENDS=1 FAULTS=1 RESTORE GOES_ON OLD_CLAIMS": "epoch",
    "NONE SENDS=1 FAULTS=1 RESTORE GOES_ON UNDOUBTED OLD_GRANTS ON_THE_WAY": "approved_epoch",
}
#: What makes an approved write hang, or end without an end.
HANGING: Final = (
    "LOOKUP SENDS=1 FAULTS=1 ATTEMPTS=4 NO_QUESTION",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=3 CANCEL NO_LEAVE_OPEN",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=4 NO_RETRY",
    "NONE SENDS=1 FAULTS=1 ATTEMPTS=4 SWITCH NO_LIFT",
)


def _checked(directory: Path, words: str, compiled: str = "-DSAFETY", *searched: str) -> str:
    """What spin's verifier says of the model with these words defined, exhaustively."""
    defined = [f"-D{word}" for word in words.split()]
    subprocess.run(["spin", *defined, "-a", str(MODEL)], cwd=directory, check=True, capture_output=True)
    subprocess.run(
        ["gcc", "-O1", "-w", compiled, "-DCOLLAPSE", "-DMEMLIM=4000", "-o", "pan", "pan.c"],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    found = subprocess.run(
        ["./pan", *searched, "-m100000", "-w24"], cwd=directory, check=False, capture_output=True, text=True
    )
    return found.stdout


def _fairly(directory: Path, words: str) -> str:
    """Whether every approved write comes to its end, if each process that can take a step takes one."""
    return _checked(directory, f"{words} LIVE", "-DNFAIR=4", "-a", "-f")


def _holds(said: str) -> None:
    assert "errors: 0" in said, said
    assert "Search not completed" not in said, said
    assert int(float(re.findall(r"([\d.e+]+) states, stored", said)[0])) > 10_000


@pytest.mark.parametrize("world", WORLDS)
def test_a_write_keeps_its_laws_in_every_order_of_its_steps(tmp_path: Path, world: str) -> None:
    """No unapproved, second, lost or wrongly told effect; no stale fence settles; no deadlock."""
    _holds(_checked(tmp_path, world))


@pytest.mark.parametrize("world", LIVELY)
def test_an_approved_write_comes_to_its_end(tmp_path: Path, world: str) -> None:
    """Executed once, refused, or unknown with its question, and that for good, once nothing dies any more."""
    _holds(_fairly(tmp_path, world))


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_write_has_a_counter_example(tmp_path: Path, words: str) -> None:
    """The model can fail: without this guard spin finds an order in which that law does not hold."""
    said = _checked(tmp_path, words)
    violated = re.search(r"assertion violated (.*)", said)
    assert violated is not None, said
    assert BROKEN[words] in violated[1]


@pytest.mark.parametrize("words", HANGING)
def test_a_write_that_hangs_is_found(tmp_path: Path, words: str) -> None:
    """The law of liveness can fail: spin finds a cycle, or a state, in which the write never ends."""
    said = _fairly(tmp_path, words)
    assert "acceptance cycle" in said, said
