"""``interlock store``: the database's tables, its backup, and what follows a restore."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.options import JsonOption, StateOption, named_operator
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


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy; it must not be there yet.")],
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a SQLite store while it is in use. Of PostgreSQL, use pg_dump.

    Example: interlock store backup /backups/interlock-monday.db
    """
    from adapters.backup import copy

    copy(State.at(state).store_url, file)
    output.document({"backup": str(file)}) if as_json else output.say(f"The store was copied to {file}.")


@app.command()
def restored(
    reason: Annotated[str, typer.Option(help="Why it was restored, in a sentence; it is audited.")],
    operator: Annotated[str, typer.Option("--as", help="Who says so, such as op:ada.")] = "op:local",
    env: Annotated[str, typer.Option(help="The environment of this store.")] = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that the store was restored from a backup, before anything is started on it.

    What was approved before is void, and runs that were open are cancelled. Writes that were frozen and
    have no end in the backup may have been sent since: each is unknown, and people are asked about it.

    Example: interlock store restored --reason "Disk failure, copy of Monday 02:00." --as op:ada
    """
    from adapters.clock import SystemClock
    from adapters.restoring import restored as begin_epoch
    from adapters.store import Store
    from cli.content_keys import OperatorKeys, operator_keys

    actor = named_operator(operator)

    where = State.at(state)

    async def begin(keys: OperatorKeys) -> int:
        store = Store(where.store_url, keys)
        try:
            return await begin_epoch(store, SystemClock(), env=env, actor=actor, reason=reason)
        finally:
            await store.close()

    with operator_keys(where) as keys:
        unknown = asyncio.run(begin(keys))
    if as_json:
        output.document({"restored": True, "unknown": unknown})
    else:
        output.say(
            f"A new epoch began: older approvals are void, open runs are cancelled, {unknown} writes are"
            " unknown and asked about."
        )


@app.command()
def prune(
    keep: Annotated[
        str, typer.Option(help="How long an ended run is kept: a number and s, m, h or d; 30d or more.")
    ] = "400d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many runs would go.")] = False,
    operator: Annotated[str, typer.Option("--as", help="Who says so, such as op:ada; audited.")] = "op:local",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove runs that ended long ago, with all that was kept of them but the audit.

    Runs that have not ended stay, and so do those with a write or a question that is not settled.

    Example: interlock store prune --keep 400d --dry-run
    """
    from cli.pruning import prune as remove

    actor = named_operator(operator)
    removed, stay = asyncio.run(remove(State.at(state).store_url, keep, actor=actor, dry_run=dry_run))
    if as_json:
        output.document({"keep": keep, "dry_run": dry_run, "removed": removed, "stay": stay})
    else:
        what = "would be" if dry_run else "were"
        output.say(f"{removed} runs that ended more than {keep} ago {what} removed; {stay} as old stay.")


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
