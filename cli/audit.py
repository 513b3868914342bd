"""``interlock audit``: prove, search and export the log."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.client import Reach
from cli.minting import operator
from cli.options import GatewayOption, JsonOption, StateOption, TokenOption
from cli.proving import prove
from cli.state import State

app = typer.Typer(no_args_is_help=True, help="The audit log.")

Tenant = Annotated[str | None, typer.Option(help="Only this tenant's chain.")]
RunOption = Annotated[str | None, typer.Option("--run", help="Only of this run.")]
ToolOption = Annotated[str | None, typer.Option("--tool", help="Only of this tool.")]
Since = Annotated[str | None, typer.Option(help="From this time on: 2026-11-01T00:00:00Z.")]


@app.command()
def verify(
    tenant: Tenant = None,
    env: Annotated[str, typer.Option(help="Environment whose anchors are read.")] = "dev",
    accept_restores: Annotated[
        bool,
        typer.Option(
            "--accept-restores", help="You know of every restore from backup that the chains tell of."
        ),
    ] = False,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute every chain and hold it against its signed heads and anchors; status 0 only if all hold.

    Records that a restore from backup lost are missed by their anchors. The chain says who restored it and
    why; if you know of it, say --accept-restores.

    Example: interlock audit verify --json
    """
    found = asyncio.run(prove(State.at(state), env, tenant, accept_restores=accept_restores))
    output.document(found) if as_json else _show(found)
    if not found["verified"]:
        raise typer.Exit(1)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (name, one["records"], "yes" if one["verified"] else "NO", one["anchored"], one["unproven"])
        for name, one in found["tenants"].items()
    ]
    output.table("Audit chains", ("tenant", "records", "holds", "anchored up to", "not yet proven"), rows)
    broken = found["broken"]
    if broken:
        output.say(f"BROKEN: tenant {broken['tenant']}, record {broken['seq']}: {broken['why']}")
    for name, one in found["tenants"].items():
        for lost in one["lost"]:
            output.say(
                f"{name}: anchored records between {lost['first']} and {lost['last']} are gone. Record"
                f" {lost['seq']} says that {lost['actor']} restored the store: {lost['reason']}."
            )
        if one["verified"] and one["unproven"]:
            output.say(
                f"{name}: records {one['anchored'] + 1} to {one['records']} lie after the last anchor"
                " and are not yet proven."
            )


@app.command()
def search(
    tenant: Tenant = None,
    run_id: RunOption = None,
    tool: ToolOption = None,
    since: Since = None,
    cursor: Annotated[str | None, typer.Option(help="Where the last page ended.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a tenant's records in the order of its chain, a page at a time.

    Example: interlock audit search --tenant acme --tool ticket.close
    """
    _named(tenant, run_id)
    client = Reach.read(state, gateway, token).client(operator())
    page = client.get("/v1/audit", tenant=tenant, run_id=run_id, tool=tool, since=since, cursor=cursor)
    if as_json:
        output.document(page)
        return
    columns = ("kind", "actor", "tool", "outcome")
    rows = [
        (one["seq"], *(one["record"].get(name) for name in columns), one["reason"]) for one in page["records"]
    ]
    output.table("Audit records", ("seq", *columns, "reason"), rows)
    if page["cursor"]:
        output.say(f"More: --cursor {page['cursor']}")


@app.command()
def export(
    tenant: Tenant = None,
    run_id: RunOption = None,
    tool: ToolOption = None,
    since: Since = None,
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
    state: StateOption = None,
    gateway: GatewayOption = None,
    token: TokenOption = None,
) -> None:
    """Export records with their hashes, one JSON document a line.

    Example: interlock audit export --tenant acme --out acme.jsonl
    """
    _named(tenant, run_id)
    client = Reach.read(state, gateway, token).client(operator())
    pages = client.pages("/v1/audit", tenant=tenant, run_id=run_id, tool=tool, since=since)
    lines = (json.dumps(one, ensure_ascii=False) + "\n" for page in pages for one in page["records"])
    if out is None:
        sys.stdout.writelines(lines)
        return
    try:
        with out.open("w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise typer.BadParameter(f"--out {out} cannot be written: {error.strerror}.") from error


def _named(tenant: str | None, run_id: str | None) -> None:
    if tenant is None and run_id is None:
        raise typer.BadParameter("name a --tenant or a --run: each tenant has its own chain.")
