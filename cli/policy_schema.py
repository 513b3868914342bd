"""``interlock policy schema``: what an editor completes and checks policy files by."""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final

import typer

from contracts.digest import Json
from policies.editor_schema import cases_schema, people_schema, route_schema
from tools.editor_schema import tools_schema


class Kind(StrEnum):
    """The kinds of file."""

    ROUTE = "route"
    PEOPLE = "people"
    CASES = "cases"
    TOOLS = "tools"


_SCHEMAS: Final[dict[Kind, Callable[[], Json]]] = {
    Kind.ROUTE: route_schema,
    Kind.PEOPLE: people_schema,
    Kind.CASES: cases_schema,
    Kind.TOOLS: tools_schema,
}


def schema_text(kind: Kind) -> str:
    """The JSON Schema of a kind of file, as it is published."""
    return json.dumps(_SCHEMAS[kind](), ensure_ascii=False, indent=2) + "\n"


def schema(kind: Annotated[Kind, typer.Argument(help="The kind of file.")]) -> None:
    """Print the JSON Schema of routes, people, cases or tool files, for editors.

    Example: interlock policy schema route > route.json
    """
    typer.echo(schema_text(kind), nl=False)
