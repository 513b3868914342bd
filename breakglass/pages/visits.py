"""Whoever looks at these pages."""

from typing import TypeAlias

from starlette.requests import Request

from breakglass.parts import Parts, parts_of
from gateway.pages.visits import Visit, visiting

Visiting: TypeAlias = Visit[Parts]


async def visit_of(request: Request) -> Visiting:
    return await visiting(request, parts_of(request))
