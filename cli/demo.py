"""``interlock demo``: the main job, from a caller's request to a proven audit log."""

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer

from cli import output, playing, showing
from cli.client import Gateway
from cli.following import Event, so_far
from cli.minting import caller, mint
from cli.options import JsonOption, StateOption
from cli.proving import prove
from cli.standing import stack
from cli.state import State

_PROOF_SECONDS: Final = 12.0
_PROOF_PAUSE: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Played:
    """What came of it."""

    run: dict[str, Any]
    events: list[Event]
    executions: dict[str, int]
    audit: dict[str, Any]
    seconds: float

    @property
    def ok(self) -> bool:
        """Completed, each approved write executed exactly once by the target's count, the audit proven."""
        once = bool(self.executions) and all(count == 1 for count in self.executions.values())
        return self.run["state"] == "completed" and once and self.audit["verified"]

    def document(self) -> dict[str, Any]:
        audit = {"records": self.audit["records"], "verified": self.audit["verified"]}
        return {"run": self.run, "executions": self.executions, "audit": audit, "seconds": self.seconds}


def demo(
    approve: Annotated[
        bool, typer.Option("--approve", help="Play without a person: click as Ada in Slack.")
    ] = False,
    port_base: Annotated[int | None, typer.Option(help="First port, where a stack is started.")] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """An agent closes a ticket, and a person approves it; uses the stack that runs on --state, or starts one.

    Status 0 only if the run completed, each approved write was executed exactly once by the target's own
    count, and the audit log verifies.

    Examples:

      interlock demo

      interlock demo --approve --json
    """
    where = State.at(state)
    with stack(where, port_base):
        played = play(where, approve=approve)
        output.document(played.document()) if as_json else _show(where, played)
    if not played.ok:
        raise typer.Exit(1)


def play(state: State, *, approve: bool) -> Played:
    """One run to its end, counted and proven. Raises InterlockError."""
    began = time.monotonic()
    token = asyncio.run(mint(state, caller("demo", playing.TENANT, playing.ROUTE)))
    gateway, helpdesk = Gateway(state.address("gateway"), token), playing.Helpdesk(state)
    ticket_id, run = playing.start(gateway, helpdesk)
    output.progress(f"Run {run['run_id']} wants to close {ticket_id} and waits for a person.")
    if approve:
        run = playing.approve(gateway, playing.Slack(state), run["run_id"])
    else:
        run = _by_hand(state, gateway, run["run_id"])
    counted = playing.executions(helpdesk, run)
    audit = _proven(state)
    return Played(
        run=run,
        events=so_far(gateway, run["run_id"]),
        executions=counted,
        audit=audit,
        seconds=round(time.monotonic() - began, 1),
    )


def _by_hand(state: State, gateway: Gateway, run_id: str) -> dict[str, Any]:
    output.progress(f"Approve it at {state.address('slack')} as Ada or Grace. Ctrl-C gives up.")
    run: dict[str, Any] = {}
    for run in gateway.changes(run_id):
        output.progress(f"The run is {run['state']}.")
    return run


def _proven(state: State) -> dict[str, Any]:
    """The audit once the tenant's last record is anchored, which happens about a second after it."""
    until = time.monotonic() + _PROOF_SECONDS
    while True:
        found = asyncio.run(prove(state))
        chain = found["tenants"].get(playing.TENANT, {"unproven": 1})
        if not found["verified"] or chain["unproven"] == 0:
            return found
        if time.monotonic() > until:
            output.progress(
                f"{chain['unproven']} records are not anchored yet, so the audit counts as unproven."
            )
            return {**found, "verified": False}
        time.sleep(_PROOF_PAUSE)


def _show(state: State, played: Played) -> None:
    showing.show(played.run, played.events)
    output.table(
        "Executed, by the helpdesk's own count", ("idempotency key", "times"), [*played.executions.items()]
    )
    audit = played.audit
    output.say(f"Audit: {audit['records']} records, {'verified' if audit['verified'] else 'NOT VERIFIED'}.")
    endpoints = state.endpoints()
    for name, part in (("Slack", "slack"), ("Temporal UI", "temporal_ui"), ("Gateway", "gateway")):
        output.say(f"{name}: {endpoints.get(part) or 'off'}")
    output.say(f"{'Done' if played.ok else 'NOT as it should be'} in {played.seconds} s.")
