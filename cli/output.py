"""What people see and what machines read: tables and sentences, or one JSON document."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def document(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for people on standard output; nothing in it is read as markup."""
    Console().print(escape(clean(text)), highlight=False, soft_wrap=True)


def progress(text: str) -> None:
    """A line for people on standard error, which leaves standard output to the result."""
    Console(stderr=True).print(escape(clean(text)), style="dim", highlight=False, soft_wrap=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table; cells come from models and targets, so they are text and nothing else."""
    drawn = Table(title=escape(title), title_justify="left", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(clean("" if cell is None else str(cell))) for cell in row))
    Console().print(drawn)


def run(found: dict[str, Any]) -> None:
    """A run with its actions."""
    reason = f" ({found['stop_reason']})" if found["stop_reason"] else ""
    say(f"run {found['run_id']}  {found['route']}  tenant {found['tenant']}  {found['state']}{reason}")
    spend, budget = found["spend"], found["budget"]
    say(
        f"spent {spend['steps']}/{budget['steps']} steps, {spend['seconds']}/{budget['seconds']} s, "
        f"${spend['usd']}/${budget['usd']}, {spend['denials']}/{budget['denials']} denials"
    )
    table(
        "Actions",
        ("step", "tool", "decision", "approved by", "outcome", "attempts", "ms", "idempotency key"),
        [
            (
                action["step"],
                action["tool"],
                action["decision"],
                ", ".join(action["approvers"]),
                action["outcome"],
                action["attempts"],
                action["duration_ms"],
                action["idempotency_key"],
            )
            for action in found["actions"]
        ],
    )
    if found["result"] and found["result"]["text"]:
        say(found["result"]["text"])


def clean(text: str) -> str:
    """Without control characters: a ticket's text must not drive the terminal."""
    return "".join(
        letter if letter == "\n" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
