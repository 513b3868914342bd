"""A tool's code that reads outside: it names an address, and gets a page."""

from abc import abstractmethod
from typing import Protocol, TypeVar

from contracts.digest import Json
from contracts.errors import Malformed
from tools.operation import Arguments, PythonRead, Reader
from tools.page import Page

P = TypeVar("P", bound=Arguments)


class Outside(Protocol):
    """All that such code sees of its session."""

    async def fetch(self, url: str) -> Page:
        """The page. Raises Stopped, which the toolbox turns into the tool's answer."""
        ...


class OutsideRead(PythonRead[P]):
    """A read that acts with no credential, below no base URL; the route's ``egress`` says where it may go."""

    @abstractmethod
    async def browse(self, outside: Outside, arguments: P) -> Json:
        """The result for the model."""

    async def read(self, session: Reader, arguments: P) -> Json:  # noqa: ARG002 - it has no service to ask
        raise Malformed("this tool reads outside, and has no service of its own")
