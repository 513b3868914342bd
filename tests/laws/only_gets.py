"""A reader for tools in Python, which get and nothing else."""

from collections.abc import Mapping
from typing import NoReturn

from contracts.digest import Json
from tools.base_url import Query
from tools.reply import Reply
from tools.session import ReadRequest


class OnlyGets:
    """The part of ``tools.operation.Reader`` that no tool in Python uses."""

    async def ask(self, request: ReadRequest) -> NoReturn:
        raise AssertionError(f"a tool in Python asked with {request.method}")

    async def seek(self, request: ReadRequest) -> NoReturn:
        raise AssertionError(f"a tool in Python sought with {request.method}")


class Desk(OnlyGets):
    """Implements ``tools.operation.Reader`` over one answer, and keeps what was asked."""

    def __init__(self, document: Json, etag: str = '"3"') -> None:
        self.reply = Reply(status=200, etag=etag, document=document)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def get(
        self, path: str, *, parts: Mapping[str, str] | None = None, query: Query | None = None
    ) -> Reply:
        self.asked.append((path, dict(query or parts or {})))
        return self.reply
