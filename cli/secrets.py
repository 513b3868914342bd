"""``interlock secret``: credentials of your own tools, and keys of content, on a local stack."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.documents import StoreDocuments
from adapters.store import Store
from cli import output
from cli.keys import EnvOption, forget, rotate
from cli.options import JsonOption, StateOption
from cli.state import State
from contracts.errors import Unknown
from contracts.secret import Secret
from contracts.tool import Catalogue
from embedded.secrets import LocalSecrets, ToolSecret, tool_secrets
from policies.people import People

app = typer.Typer(
    no_args_is_help=True,
    help="Credentials of your own tools, and keys of content and payloads, on a local stack.",
)

_LARGEST: Final = 65_536


@app.command()
def put(
    name: Annotated[str, typer.Argument(help="The credential's name, as the tool file has it.")],
    tenant: Annotated[str, typer.Option(help="Whose it is.")],
    value: Annotated[str, typer.Option(help="@FILE with the JSON, or - for standard input.")],
    env: EnvOption = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep a tenant's credential: JSON, of a bearer token or of another header.

    That is {"type": "bearer", "token": …} or {"type": "header", "name": …, "value": …}.

    Example: interlock secret put bank-read --tenant acme --value @acme-read.json
    """
    where = State.at(state)
    given = _given(value)
    local = LocalSecrets(where.address("aws"), where.directory, env)
    local.put(ToolSecret(tenant=tenant, name=name), given, asyncio.run(needed(where, env)))
    if as_json:
        output.document({"tenant": tenant, "name": name, "present": True})
    else:
        output.say(f"{tenant} has a secret {name}; a worker that knew another one forgets it in a minute.")


@app.command("list")
def list_secrets(env: EnvOption = "dev", state: StateOption = None, as_json: JsonOption = False) -> None:
    """Which credentials the tools in force need, for which tenants, and whether they are there. No values.

    Example: interlock secret list --json
    """
    found = standing(State.at(state), env)
    if as_json:
        rows = [{"tenant": one.tenant, "name": one.name, "present": there} for one, there in found.items()]
        output.document({"secrets": rows})
    else:
        rows_shown = [(one.tenant, one.name, "yes" if there else "NO") for one, there in found.items()]
        output.table("Secrets", ("tenant", "name", "present"), rows_shown)


app.command()(rotate)
app.command()(forget)


def standing(state: State, env: str = "dev") -> dict[ToolSecret, bool]:
    """The needed secrets, and whether each is there. Blocks; raises InterlockError."""
    names = LocalSecrets(state.address("aws"), state.directory, env).names()
    return {secret: secret.path in names for secret in asyncio.run(needed(state, env))}


async def needed(state: State, env: str = "dev") -> tuple[ToolSecret, ...]:
    """What the catalogue and the people in force ask for. Raises Unknown where nothing is."""
    store = Store(state.store_url, NoContents())
    try:
        documents = StoreDocuments(store, SystemClock())
        catalogue, people = [await documents.published(env, kind, kind) for kind in ("catalogue", "people")]
        if catalogue is None or people is None:
            raise Unknown(f"nothing is published for {env}: run `interlock policy publish`")
        return tool_secrets(
            Catalogue.read(await documents.document(catalogue)), People.read(await documents.document(people))
        )
    finally:
        await store.close()


def _given(value: str) -> Secret:
    """What the option leads to. A value on the command line would stand in the shell's history."""
    try:
        if value == "-":
            return Secret(sys.stdin.read(_LARGEST))
        if value.startswith("@"):
            with Path(value[1:]).open(encoding="utf-8") as file:
                return Secret(file.read(_LARGEST))
    except OSError as error:
        raise typer.BadParameter(f"--value {value} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise typer.BadParameter("--value is no UTF-8 text.") from None
    raise typer.BadParameter("--value is @FILE or -: a value on the command line is in everybody's sight.")
