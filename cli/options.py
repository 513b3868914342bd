"""Options that several verbs share."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

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
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def json_object(text: str, option: str) -> dict[str, Any]:
    """The JSON object of an option: the text itself, or the file of ``@FILE``. Raises typer.BadParameter."""
    source = f"{option} {text}" if text.startswith("@") else option
    try:
        found = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise typer.BadParameter(f"{source} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise typer.BadParameter(
            f"{source} is not JSON: {error}. Quote it for the shell, or give @FILE."
        ) from error
    if not isinstance(found, dict):
        raise typer.BadParameter(f'{source} is no JSON object: write one like {{"ticket_id": "T-18421"}}.')
    return found
