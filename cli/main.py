"""``interlock``: the command line, and how its errors end."""

import os
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import httpx
import typer

from contracts.errors import InterlockError

_VERBS: Final = {
    "dev": "cli.dev:dev",
    "demo": "cli.demo:demo",
    "worker": "cli.roles:worker",
    "gateway": "cli.roles:gateway",
    "doctor": "cli.doctor:doctor",
    "token": "cli.token:token",
    "login": "cli.login:login",
    "run": "cli.runs:app",
    "approvals": "cli.approvals:app",
    "policy": "cli.policy:app",
    "switch": "cli.switches:app",
    "breaker": "cli.breakers:app",
    "outbox": "cli.outbox:app",
    "audit": "cli.audit:app",
    "secret": "cli.secrets:app",
    "passkey": "cli.passkey:app",
    "break-glass": "cli.break_glass:app",
    "store": "cli.store:app",
}


def build(named: str | None = None) -> typer.Typer:
    """The command line with the one verb that is named; with all of them where none is.

    Most verbs ask the gateway, and would wait for what the stack and the store load.
    """
    app = typer.Typer(
        name="interlock",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(interlock)
    for name in [named] if named in _VERBS else _VERBS:
        verb = _loaded(_VERBS[name])
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name)
        else:
            app.command(name)(verb)
    return app


def interlock() -> None:
    """Runs agents that cannot overspend, overreach, write unapproved or write twice."""


def _loaded(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


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
        build(sys.argv[1] if len(sys.argv) > 1 else None)(prog_name="interlock")
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
