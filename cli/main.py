"""``interlock``: the command line, and how its errors end."""

import os
import sys
from typing import NoReturn

import httpx
import typer

from cli import approvals, audit, outbox, policy, runs, secrets, store, switches
from cli.demo import demo
from cli.doctor import doctor
from cli.roles import gateway, worker
from cli.token import token
from contracts.errors import InterlockError

app = typer.Typer(
    name="interlock",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Runs agents that cannot overspend, overreach, write unapproved or write twice.",
)
for verb in (demo, worker, gateway, doctor, token):
    app.command()(verb)
for name, verbs in (
    ("run", runs.app),
    ("approvals", approvals.app),
    ("policy", policy.app),
    ("switch", switches.app),
    ("outbox", outbox.app),
    ("audit", audit.app),
    ("secret", secrets.app),
    ("store", store.app),
):
    app.add_typer(verbs, name=name)


def main() -> NoReturn:
    """Run the verb that the arguments name and end the process with its status."""
    code = status()
    sys.stdout.flush()
    sys.stderr.flush()
    # Temporal's native client may crash while the interpreter takes itself apart.
    os._exit(code)


def status() -> int:
    """0 for success, 1 with a sentence on standard error, 2 for wrong use, 130 after Ctrl-C."""
    try:
        _with_dev()(prog_name="interlock")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except KeyboardInterrupt:
        return 130
    except InterlockError as error:
        return _failed(error.sentence)
    except httpx.HTTPError as error:
        return _failed(
            f"the address {_address(error)} did not answer ({type(error).__name__}): is the stack up?"
        )
    except BrokenPipeError:
        # Whoever read has gone; the rest would only complain again at the flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _with_dev() -> typer.Typer:
    """The app with ``dev``, whose embedded stack the other verbs need not load."""
    from cli.dev import dev

    app.command()(dev)
    return app


def _address(error: httpx.HTTPError) -> str:
    try:
        return f"{error.request.url.scheme}://{error.request.url.netloc.decode()}"
    except RuntimeError:
        return "asked"  # the error came before there was a request


def _failed(sentence: str) -> int:
    print(f"interlock: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
