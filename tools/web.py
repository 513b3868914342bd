"""The web, as an agent reads it."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from contracts.digest import Json
from contracts.transcript import RESULT_LIMIT
from policies.web_address import LONGEST
from tools.operation import Arguments, Operation
from tools.outside_read import Outside, OutsideRead
from tools.scrub import bounded


class GetArguments(Arguments):
    """Which page to get."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST,
            description="Address of the page, written out with https:// or http://.",
        ),
    ]


class GetPage(OutsideRead[GetArguments]):
    """``http.get``."""

    version = "1"
    description = (
        "Get one page of the web as text. Returns its address after redirects, its title and its text. Only"
        " places that the route names can be reached."
    )
    arguments = GetArguments

    async def browse(self, outside: Outside, arguments: GetArguments) -> Json:
        found = await outside.fetch(arguments.url)
        head = {"url": found.url, "title": found.title}
        return {**head, "text": _fitting(found.text, RESULT_LIMIT - len(json.dumps(head)) - 50)}


WEB: Final[Mapping[str, Operation]] = MappingProxyType({"get": GetPage()})
"""What ``web: {python: "tools.web:WEB"}`` names."""


def _fitting(text: str, limit: int) -> str:
    """The text, cut so that the result stays whole JSON: a quote or a line break takes two bytes there."""
    size = limit
    while len(json.dumps(bounded(text, size), ensure_ascii=False).encode()) > limit:
        size = size * 3 // 4
    return bounded(text, size)
