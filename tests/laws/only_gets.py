"""A reader for tools in Python, which get and nothing else."""

from typing import NoReturn

from tools.session import ReadRequest


class OnlyGets:
    """The part of ``tools.operation.Reader`` that no tool in Python uses."""

    async def ask(self, request: ReadRequest) -> NoReturn:
        raise AssertionError(f"a tool in Python asked with {request.method}")

    async def seek(self, request: ReadRequest) -> NoReturn:
        raise AssertionError(f"a tool in Python sought with {request.method}")
