"""A run as a timeline: one line of plain words for each of its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli import words

Data = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that happened. ``style`` is rich's, and says nothing that the text does not."""

    at: str
    text: str
    style: str = ""


class Timeline:
    """Turns events into lines, in their order; it remembers what the next line needs of earlier ones."""

    def __init__(self) -> None:
        self._began = False
        self._step = 0
        self._undoes: str | None = None

    def lines(self, event: str, data: Data) -> list[Line]:
        """The lines of one event; none for what another event says better."""
        told = {"run": self._run, "action": self._action, "approval": self._approval}.get(event)
        said = told(data) if told is not None else []
        return [Line(at=data["at"], text=text, style=style) for text, style in said]

    def _run(self, data: Data) -> list[tuple[str, str]]:
        outcome, reason, run = data["outcome"], data["reason"], data["run"]
        self._undoes = run.get("undoes")
        match outcome:
            case "accepted":
                whom = f" for {run['on_behalf_of']}" if run["on_behalf_of"] else ""
                why = f", {reason}" if reason else ""
                return [(f"{data['actor']} asked for it{whom}{why}", "")]
            case "running":
                text, self._began = "carries on" if self._began else "started", True
                return [(text, "dim")]
            case "waiting_approval" | "waiting_reconciliation" | "waiting_budget":
                return []
            case "halted":
                return [(f"halted: {reason}", "yellow")]
            case "cancel":
                return [(f"{words.name(data['actor'])} asked to cancel it: {reason}", "yellow")]
            case "completed":
                return [("completed", "green")]
            case "stopped":
                said = words.STOPS.get(reason, reason).removeprefix("The run stopped: ")
                return [(f"stopped: {said}", "yellow")]
        return [(f"{outcome}: {reason}" if reason else outcome, "red" if outcome == "failed" else "yellow")]

    def _action(self, data: Data) -> list[tuple[str, str]]:
        action = data["action"]
        match data["kind"]:
            case "decision":
                return [*self._asked_model(action), _decided(data)]
            case "attempt" if data["outcome"] == "looked_up":
                return [(f"asked whether {action['tool']} had happened, {_under(data)}", "dim")]
            case "attempt":
                return [(f"sent {action['tool']}, {_under(data)}", "dim")]
        return [_ended(data)]

    def _asked_model(self, action: Data) -> list[tuple[str, str]]:
        if action["step"] == self._step:
            return []
        self._step = action["step"]
        asked = f"proposed the undo of run {self._undoes}" if self._undoes else "asked the model"
        return [(f"step {self._step}: {asked}", "dim")]

    def _approval(self, data: Data) -> list[tuple[str, str]]:
        approval, outcome = data["approval"], data["outcome"]
        who, after = words.name(data["actor"]), words.between(approval["requested_at"], data["at"])
        way, _, said = data["reason"].partition(": ")
        way = words.WAYS.get(way, way)
        match outcome:
            case "asked":
                return [(f"waits for {_question(approval)}", "cyan")]
            case "approve":
                return [(f"approved by {who} after {words.duration(after)}, {way}", "green")]
            case "deny":
                because = f": {said}" if said else ""
                return [(f"denied by {who} after {words.duration(after)}, {way}{because}", "yellow")]
            case "withdraw" | "it_did" | "it_did_not" | "stop" | "considered":
                return [(f"{who} {words.ANSWERS[outcome]}, {way}", "yellow")]
            case "changed":
                return [(f"{data['reason']}: it is asked about anew", "yellow")]
            case _ if outcome in _TIME:
                return [_TIME[outcome]]
        _, _, refusal = outcome.partition(":")
        if not refusal:
            return [(f"{who}: {outcome}", "yellow")]
        return [(f"{who}'s click did not count: {words.REFUSALS.get(refusal, refusal)}", "yellow")]


_TIME: Final[Mapping[str, tuple[str, str]]] = {
    "reminded": ("those who can still decide were reminded", "dim"),
    "escalated": ("nobody decided: a second group may decide from now on", "yellow"),
    "expired": ("nobody decided before the deadline", "yellow"),
    "cancelled": ("the question was closed with the run", "dim"),
}
"""What time does to a question, and the end of its run, with its look."""


def _question(approval: Data) -> str:
    until = f" until {words.day(approval['deadline'])}" if approval["deadline"] else ""
    whom = f"{words.people(approval['needed'])} of {approval['group']}"
    asked = "to say whether it happened:" if approval["kind"] == "reconcile" else "to approve"
    return f"{whom} {asked} {_subject(approval)}{until} ({approval['approval_id']})"


def _subject(approval: Data) -> str:
    """``ticket.close T-18421``."""
    return f"{approval['action']['tool']} {approval['action']['target']}"


def _decided(data: Data) -> tuple[str, str]:
    tool, ruling = data["action"]["tool"], data["outcome"]
    if ruling == "allow":
        return f"proposed {tool}: allowed", ""
    if ruling == "deny":
        return f"proposed {tool}: denied, {data['reason']}", "yellow"
    return f"proposed {tool}: needs a person", ""


def _under(data: Data) -> str:
    scope = data["credential_scope"]
    return f"under credential {scope}" if scope else "without a credential"


_LOOKS: Final[Mapping[str, str]] = {"succeeded": "green", "unknown": "red", "skipped": "dim"}


def _ended(data: Data) -> tuple[str, str]:
    action, outcome = data["action"], data["outcome"]
    took = f" in {words.duration(action['duration_ms'] / 1_000)}" if data["credential_scope"] else ""
    look = _LOOKS.get(outcome, "yellow")
    if outcome == "succeeded" and data["reason"].startswith(action["tool"]):
        return f"{data['reason']}{took}", look
    said = f": {data['reason']}" if data["reason"] else ""
    verb = "answered" if outcome == "succeeded" else f"ended as {outcome}"
    return f"{action['tool']} {verb}{took}{said}", look


def head(run: Data) -> list[tuple[str, str]]:
    """Labels and texts at the top of a run."""
    whom = f", for {run['on_behalf_of']}" if run["on_behalf_of"] else ""
    found = [
        ("state", words.state(run)),
        ("asked by", f"{run['caller']}{whom}"),
        ("route", f"{run['route']} for {run['tenant']} ({run['env']})"),
        ("when", _when(run)),
        ("spent", _spent(run["spend"], run["budget"])),
    ]
    found += [("undoes", f"run {run['undoes']}")] if run.get("undoes") else []
    return [*found, ("cancel", run["cancel_reason"])] if run["cancel_reason"] else found


def _spent(spend: Data, budget: Data) -> str:
    """What was spent of each ceiling."""
    dollars = f"${spend['usd']} of ${budget['usd']}"
    counted = [f"{spend[name]} of {budget[name]} {unit}" for name, unit in _COUNTED.items()]
    return ", ".join([*counted, dollars])


_COUNTED: Final[Mapping[str, str]] = {"steps": "steps", "seconds": "s", "denials": "denials"}


def _when(run: Data) -> str:
    began = run["started_at"] or run["created_at"]
    took = f", took {words.duration(words.between(began, run['ended_at']))}" if run["ended_at"] else ""
    return f"{words.day(began)}{took}"
