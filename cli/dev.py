"""``interlock dev``: the whole stack on this machine, until Ctrl-C."""

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.login import by_name
from contracts.errors import InterlockError, Malformed
from embedded.endpoints import Endpoints
from embedded.ports import DEFAULT_BASE, Ports
from embedded.process import Event
from embedded.stack import running_stack

_MARKS = {
    "ready": "[green]✓[/]",
    "back": "[green]✓[/]",
    "died": "[red]✗[/]",
    "silent": "[yellow]…[/]",
    "missing": "[yellow]![/]",
    "changed": "[yellow]![/]",
}


def dev(
    headless: Annotated[bool, typer.Option("--headless", help="Without Temporal's Web UI.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line when everything answers.")] = False,
    state: Annotated[Path, typer.Option("--state", help="Directory that keeps everything.")] = Path(
        ".interlock"
    ),
    policies: Annotated[Path | None, typer.Option("--policies", help="Policy directory to publish.")] = None,
    tools: Annotated[Path | None, typer.Option("--tools", help="Tool file to publish.")] = None,
    port_base: Annotated[int, typer.Option("--port-base", help="First of seven ports.")] = DEFAULT_BASE,
    reset: Annotated[bool, typer.Option("--reset", help="Empty the state directory first.")] = False,
    break_glass: Annotated[
        bool, typer.Option("--break-glass", help="Run the break-glass process too, on the last port.")
    ] = False,
) -> None:
    """Run the whole stack on this machine until Ctrl-C; its state survives a restart."""
    out = Console(highlight=False, soft_wrap=True)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    options = {
        "headless": headless,
        "reset": reset,
        "policies": policies,
        "tools": tools,
        "break_glass": break_glass,
    }
    show = _Shown(out, err, as_json=as_json)
    try:
        asyncio.run(_until_stopped(state, port_base, options, show))
    except InterlockError as error:
        err.print(escape(error.sentence), style="red")
        raise typer.Exit(2 if isinstance(error, Malformed) else 1) from error


class _Shown:
    """What a person, or a program, sees of the stack."""

    def __init__(self, out: Console, err: Console, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json
        self._err = err
        self.event = self._warning if as_json else self._event

    def ready(self, endpoints: Endpoints) -> None:
        if self._as_json:
            print(json.dumps(endpoints.document()), flush=True)
            return
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for name in ("gateway", "slack", "temporal_ui", "temporal", "helpdesk", "aws", "state"):
            table.add_row(name.replace("_", " "), escape(str(getattr(endpoints, name) or "off")))
        pages = f"{by_name(endpoints.gateway)}/approvals"
        table.add_row("pages", f"{escape(pages)}, after: interlock login NAME --open")
        if endpoints.break_glass:
            glass = escape(by_name(endpoints.break_glass))
            table.add_row("break-glass", f"{glass}, after: interlock break-glass login NAME --open")
        self._out.print(table)
        self._out.print("Everything answers. Ctrl-C stops it.")

    def stopping(self) -> None:
        if not self._as_json:
            self._out.print("Stopping …")

    def _warning(self, event: Event) -> None:
        """Beside the one line for a machine: what a person has to do."""
        if event.kind == "missing":
            self._err.print(escape(event.text))

    def _event(self, event: Event) -> None:
        self._out.print(f"{_MARKS[event.kind]} {event.part:<11} {event.seconds:5.1f} s  {escape(event.text)}")


async def _until_stopped(state: Path, port_base: int, options: dict[str, Any], show: _Shown) -> None:
    """A signal while the stack comes up stops it as well; a second one changes nothing."""
    loop, serving = asyncio.get_running_loop(), asyncio.create_task(_serve(state, port_base, options, show))
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            show.stopping()
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(state: Path, port_base: int, options: dict[str, Any], show: _Shown) -> None:
    async with running_stack(state, ports=Ports.of(port_base), on_event=show.event, **options) as endpoints:
        show.ready(endpoints)
        await asyncio.Event().wait()
