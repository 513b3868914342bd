"""The state directory: ours alone, and of one stack at a time."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from contracts.errors import Conflict, Refused, Unavailable

_LOCK: Final = "lock"
#: What tells our directory from any other; without it nothing is ever deleted.
_MARK: Final = "interlock-state"


@contextmanager
def held(state: Path, *, reset: bool = False) -> Iterator[None]:
    """Hold the directory, made where it is missing and emptied where ``reset`` says so.

    Raises:
        Conflict: another stack runs on it.
        Refused: it holds files that are not ours.
        Unavailable: it cannot be written.
    """
    try:
        _own(state)
        lock = (state / _LOCK).open("a+")
    except OSError as error:
        raise _unwritable(state, error) from error
    with lock:
        _take(lock, state)
        try:
            if reset:
                _empty(state)
            (state / _MARK).touch(mode=0o600)
            state.chmod(0o700)
        except OSError as error:
            raise _unwritable(state, error) from error
        yield


def claim(state: Path) -> None:
    """Make the directory ours before a stack has run on it, for what is kept there in advance.

    Raises:
        Refused: it holds files that are not ours.
        Unavailable: it cannot be written.
    """
    try:
        _own(state)
        (state / _MARK).touch(mode=0o600)
        state.chmod(0o700)
    except OSError as error:
        raise _unwritable(state, error) from error


def _unwritable(state: Path, error: OSError) -> Unavailable:
    reason = error.strerror or str(error)
    return Unavailable(
        f"the state directory {state} cannot be written ({reason}): choose another with --state"
    )


def _own(state: Path) -> None:
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {entry.name for entry in state.iterdir()}
    if found - {_LOCK} and _MARK not in found:
        raise Refused(
            f"{state} holds files that are not Interlock's: choose an empty or a new directory with --state"
        )


def _take(lock: TextIO, state: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise Conflict(
            f"a stack already runs on {state} (process {owner}): stop it, or choose another with --state"
        ) from error
    lock.seek(0)
    lock.truncate()
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _empty(state: Path) -> None:
    """The mark goes last, so that a reset that was cut off can be done again."""
    for entry in state.iterdir():
        if entry.name in (_LOCK, _MARK):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
