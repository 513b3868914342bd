"""An approval as a person reads it in a terminal: three questions, then who asks and who answered."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import typer

from cli import output
from contracts.errors import Refused

_QUESTIONS = {"action": "What will change", "reconcile": "What was sent", "budget": "What will change"}


def show(one: dict[str, Any]) -> None:
    """All of it, exactly as it would be sent."""
    granted = sum(grant["decision"] == "approve" for grant in one["grants"])
    output.heading(f"{one['approval_id']}  {one['state']}  {granted} of {one['needed']}  run {one['run_id']}")
    if one["question"]:
        output.say(one["question"])
    output.facts(_facts(one))
    output.say(f"Exactly this is sent: {json.dumps(one['action']['arguments'], ensure_ascii=False)}")
    output.say(f"digest {one['action_digest']}  deadline {one['deadline'] or 'never'}")
    rows = [(grant["approver"], grant["decision"], _way(grant), grant["at"]) for grant in one["grants"]]
    output.table("Decisions", ("who", "decision", "way", "at"), rows)


def sure(one: dict[str, Any], *, as_json: bool) -> bool:
    """Whether somebody who sits at a terminal, and has just been shown it, means it; a machine does."""
    if as_json or not sys.stdin.isatty():
        return True
    show(one)
    return typer.confirm("Approve this?")


def typed(question: str, word: str) -> None:
    """Have a person type one word, which they have just read. Raises Refused where it is another."""
    given = typer.prompt(question, err=True).strip()
    if not sys.stdin.isatty():
        typer.echo(err=True)  # nobody's key ended that line
    if given != word:
        raise Refused("that is another name: nothing was done")


def change(one: Mapping[str, Any]) -> str:
    """A field, before and after."""
    return f"{one['field']}: {one['before'] or '(empty)'} → {one['after'] or '(empty)'}"


def preview_facts(question: str, action: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The three questions of whoever is to let something happen, with their answers."""
    preview = action["preview"]
    figures = "".join(f"{figure}, " for figure in preview.get("figures", ()))
    yield question, f"{figures}{action['tool']} {preview['target']}"
    for one in preview["changes"]:
        yield "", change(one)
    yield "How bad if it is wrong", preview["stakes"] or "The tool does not say."
    yield "", f"{action['effect']}, tenant {action['tenant']}, environment {action['env']}"
    yield "Can it be undone", preview["undo"] or "No. It cannot be undone."


def _facts(one: dict[str, Any]) -> Iterator[tuple[str, str]]:
    action = one["action"]
    yield from preview_facts(_QUESTIONS[one["kind"]], action)
    if action.get("repeats"):
        yield "It repeats", f"the run did exactly this {action['repeats']} times before"
    whom = f" for {action['on_behalf_of']}" if action["on_behalf_of"] else ""
    yield "Asked by", f"{action['caller']}{whom}, route {one['route']}"
    if action["words"]:
        yield "In the agent's words", action["words"]


def _way(grant: dict[str, Any]) -> str:
    return f"{grant['way']}, passkey" if grant["passkey"] else str(grant["way"])
