"""Options that several verbs share."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from contracts.errors import Malformed

_ID: Final = re.compile(r"[A-Za-z0-9_]{1,80}")

StateOption = Annotated[
    Path | None,
    typer.Option("--state", help="State directory of a local stack; else INTERLOCK_STATE, else .interlock."),
]
GatewayOption = Annotated[
    str | None,
    typer.Option("--gateway", help="Address of the gateway; else INTERLOCK_GATEWAY, else the local stack's."),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", help="Token to send; else INTERLOCK_TOKEN, else one of the local stack."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key: the same key starts the same run. Random if not given."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def identifier(text: str) -> str:
    """The id of a run or an approval, as typer's callback: it becomes part of a path. Raises BadParameter."""
    if not _ID.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no id: copy one from a list.")
    return text


def json_object(text: str, option: str) -> dict[str, Any]:
    """The JSON object of an option: the text itself, or the file of ``@FILE``. Raises typer.BadParameter."""
    source = f"{option} {text}" if text.startswith("@") else option
    try:
        given = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        found = json.loads(given, object_pairs_hook=_object)
    except OSError as error:
        raise typer.BadParameter(f"{source} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise typer.BadParameter(
            f"{source} is not JSON: {error}. Quote it for the shell, or give @FILE."
        ) from error
    except RecursionError as error:
        raise typer.BadParameter(f"{source} is nested too deeply.") from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f'{source} is no JSON object: write one like {{"ticket_id": "T-18421"}}.')
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice in one object")
    return found


def named_operator(name: str) -> str:
    """Raises Malformed where it is no operator's."""
    if not name.startswith("op:"):
        raise Malformed("--as names an operator, such as op:ada")
    return name
