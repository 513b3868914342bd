"""``interlock store``: the database's tables."""

import typer

from cli import output
from cli.options import JsonOption, StateOption
from cli.state import State

app = typer.Typer(no_args_is_help=True, help="The store's database.")


@app.callback()
def group() -> None:
    """The store's database."""


@app.command()
def migrate(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Bring the tables up to this version: of INTERLOCK_STORE, or of the state directory's own file.

    Example: INTERLOCK_STORE=postgresql+psycopg://… interlock store migrate
    """
    from adapters.migrations import migrate as bring_up

    where = State.at(state)
    where.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    bring_up(where.store_url)
    output.document({"migrated": True}) if as_json else output.say("The store's tables are up to date.")
