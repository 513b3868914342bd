"""The demo's moves: a run that wants a write, the person's click, and the target's own count."""

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from cli.client import ENDS, Gateway
from cli.state import State
from contracts.errors import Refused, Unavailable
from embedded.helpdesk.seed import world

ROUTE: Final = "support/close"
TENANT: Final = "acme"
FIRST: Final = "T-18421"
#: Slack users who may approve, in the order in which they are asked.
CLICKERS: Final = ("U0ADA", "U0GRACE")
APPROVE: Final = "interlock.approve"

_SECONDS: Final = 60.0
_LOOK: Final = 0.2


class Helpdesk:
    """The helpdesk's control interface: the target's own count of what was written."""

    def __init__(self, state: State) -> None:
        self._http = _controlled(state.address("helpdesk"), state.helpdesk_control())

    def executions(self, key: str) -> int:
        """How often the write of this idempotency key had its effect."""
        found = _document(self._http.get("/control/writes", params={"key": key}))
        return int(found["executions"].get(key, 0))

    def written(self, tenant: str) -> frozenset[str]:
        """Tickets of the tenant that were written to."""
        found = _document(self._http.get("/control/writes", params={"tenant": tenant}))
        return frozenset(write["ticket"] for write in found["writes"])


class Slack:
    """The Slack stand-in's control interface: its clicks are real signed interactions."""

    def __init__(self, state: State) -> None:
        self._http = _controlled(state.address("slack"), state.slack_control())

    def card(self, approval_id: str) -> Mapping[str, Any] | None:
        """The message with this approval's buttons, once it was posted."""
        found = _document(self._http.get("/control/messages"))["messages"]
        return next((message for message in found if _asks(message, approval_id)), None)

    def click(self, card: Mapping[str, Any], user: str) -> bool:
        """Click Approve as somebody; whether the gateway acknowledged it."""
        body = {"channel": card["channel"], "ts": card["ts"], "user": user, "action_id": APPROVE}
        answer = self._http.post("/control/click", json=body)
        # 404: the button went away between the look and the click.
        return answer.status_code == httpx.codes.OK and bool(answer.json()["acknowledged"])


def _asks(message: Mapping[str, Any], approval_id: str) -> bool:
    return any(
        block.get("block_id") == approval_id
        and any(element.get("action_id") == APPROVE for element in block.get("elements", ()))
        for block in message.get("blocks") or ()
    )


def _controlled(address: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=15, trust_env=False
    )


def _document(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise Unavailable(f"{answer.request.url.path} answered {answer.status_code}: start the stack again")
    found: dict[str, Any] = answer.json()
    return found


def candidates(written: frozenset[str]) -> Iterator[str]:
    """Tickets that an article resolves and that nobody has closed yet, the best known first."""
    seeded = world()
    resolvable = [
        ticket.id
        for ticket in seeded.tickets[TENANT]
        if ticket.status != "closed" and (TENANT, seeded.themes[ticket.id]) in seeded.resolving
    ]
    ordered = sorted(resolvable, key=lambda ticket_id: (ticket_id != FIRST, ticket_id))
    return (ticket_id for ticket_id in ordered if ticket_id not in written)


def start(gateway: Gateway, helpdesk: Helpdesk) -> tuple[str, dict[str, Any]]:
    """The ticket and the run that waits for its approval. Raises Refused: no ticket gets that far."""
    last = ""
    for ticket_id in candidates(helpdesk.written(TENANT)):
        body = {"route": ROUTE, "input": {"ticket_id": ticket_id}}
        accepted = gateway.post("/v1/runs", body, key=str(uuid.uuid4()))
        run = _waiting(gateway, accepted["run_id"])
        if run["state"] == "waiting_approval":
            return ticket_id, run
        last = f"; the last try, {ticket_id}, is {run['state']} (run {run['run_id']})"
        if run["state"] != "completed":
            break
    raise Refused(f"no open ticket led to an approval{last}: `interlock dev --reset` brings a fresh helpdesk")


def _waiting(gateway: Gateway, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = {}
    for run in gateway.changes(run_id, _SECONDS):
        if run["state"] == "waiting_approval":
            break
    return run


def approve(gateway: Gateway, slack: Slack, run_id: str) -> dict[str, Any]:
    """Click on every card of the run until it has ended. Raises Unavailable: it does not end."""
    clicked: set[tuple[str, str]] = set()
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        run = gateway.get(f"/v1/runs/{run_id}")
        if run["state"] in ENDS:
            return run
        for action in run["actions"]:
            if action["outcome"] is None and action["approval_id"]:
                _click(slack, action, clicked)
        time.sleep(_LOOK)
    raise Unavailable(
        f"run {run_id} did not end within {_SECONDS:.0f} s: see STATE/logs and `interlock doctor`"
    )


def _click(slack: Slack, action: Mapping[str, Any], clicked: set[tuple[str, str]]) -> None:
    """One click by the next person; a destructive action is asked of a second one."""
    approval_id, card = action["approval_id"], slack.card(action["approval_id"])
    given = len(action["approvers"])
    if card is None or given >= len(CLICKERS):
        return
    click = (approval_id, CLICKERS[given])
    if click not in clicked and slack.click(card, click[1]):
        clicked.add(click)


def executions(helpdesk: Helpdesk, run: Mapping[str, Any]) -> dict[str, int]:
    """The target's own count for the key of each approved write."""
    keys = [action["idempotency_key"] for action in run["actions"] if action["approvers"]]
    return {key: helpdesk.executions(key) for key in keys if key}
