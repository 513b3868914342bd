"""``interlock store``: the database's tables."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.options import JsonOption, StateOption
from cli.state import State
from contracts.errors import Malformed
from contracts.secret import Secret

app = typer.Typer(no_args_is_help=True, help="The store's database.")


@app.callback()
def group() -> None:
    """The store's database."""


@app.command()
def migrate(
    state: StateOption = None,
    logins: Annotated[
        Path | None,
        typer.Option("--logins", help="JSON file: by role, the password of its login in PostgreSQL."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the tables up to this version: of INTERLOCK_STORE, or of the state directory's own file.

    On PostgreSQL it makes a login for each role as well, with only the rights that the role needs.

    Example: INTERLOCK_STORE=postgresql+psycopg://… interlock store migrate --logins logins.json
    """
    from adapters.migrations import migrate as bring_up

    where = State.at(state)
    if where.store_url == where.own_store_url:
        where.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    bring_up(where.store_url, _passwords(logins) if logins else None)
    output.document({"migrated": True}) if as_json else output.say("The store's tables are up to date.")


def _passwords(file: Path) -> dict[str, Secret]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        reason = type(error).__name__
    else:
        if isinstance(found, dict) and all(isinstance(one, str) and one for one in found.values()):
            return {role: Secret(password) for role, password in found.items()}
        reason = "something else"
    # Outside the handler: json's error holds the whole document.
    raise Malformed(f'{file} must be JSON like {{"agent": "its password"}} ({reason})')
