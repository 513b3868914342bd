"""Ties a process to its parent, then becomes the command: ``tether.py PARENT_PID COMMAND …``.

A step of its own, because code between fork and exec may deadlock in a process with threads. It is run as a
file and imports nothing of ours, so that it costs a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the command, which the kernel kills when the parent ends, however it ends."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have ended before the kernel was asked.
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  becoming the command is the purpose; no shell is wanted


if __name__ == "__main__":
    main()
