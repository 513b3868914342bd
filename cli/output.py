"""What people see and what machines read: tables and sentences, or one JSON document."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text


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
    drawn = Table(
        title=escape(title),
        title_justify="left",
        header_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for place, column in enumerate(columns):
        # The first one names the row: it is there to be copied.
        drawn.add_column(column, overflow="fold", no_wrap=place == 0)
    for row in rows:
        drawn.add_row(*(escape(clean("" if cell is None else str(cell))) for cell in row))
    Console().print(drawn)


def facts(rows: Iterable[tuple[str, str]]) -> None:
    """Labels with their texts beside them; a text wraps below itself, not below its label."""
    grid = _grid()
    for label, text in rows:
        grid.add_row(Text(label, style="bold"), Text(_one_line(text)))
    Console().print(grid)


def heading(text: str) -> None:
    Console().print(Text(_one_line(text), style="bold"), soft_wrap=True)


def happened(at: str, text: str, style: str = "", *, aside: bool = False) -> None:
    """A line of a timeline; ``aside``: on standard error, which leaves standard output to the result."""
    grid = _grid()
    grid.add_row(Text(at, style="dim"), Text(_one_line(text), style=style))
    Console(stderr=aside).print(grid)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _one_line(text: str) -> str:
    """What others wrote cannot pass for a line of ours."""
    return clean(text).replace("\n", " ↵ ")


def clean(text: str) -> str:
    """Without control characters: a ticket's text must not drive the terminal."""
    return "".join(
        letter if letter == "\n" or letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
