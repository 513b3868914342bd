"""A tool's code, whatever its source: what it accepts, how it reads, what it would send.

No code of a tool sends a write: it describes the request, and the session sends it. So nothing of a tool runs
between the claim and the answer, and a mistake in it cannot turn a done write into a failed one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from contracts.action import Prepared
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.toolbox import Answer
from tools.base_url import Query
from tools.reply import Reply, one_line
from tools.session import ReadRequest, WriteRequest

A = TypeVar("A")
P = TypeVar("P", bound="Arguments")


class Reader(Protocol):
    """All that a tool's code sees of its session."""

    async def get(
        self, path: str, *, parts: Mapping[str, str] | None = None, query: Query | None = None
    ) -> Reply:
        """A good reply. Raises Stopped, which the toolbox turns into the tool's answer."""
        ...

    async def ask(self, request: ReadRequest) -> Reply:
        """As ``get``. Raises Malformed too, where the tool may not read with this method."""
        ...

    async def seek(self, request: ReadRequest) -> Reply | None:
        """As ``ask``; None where the service has nothing there."""
        ...


class Arguments(BaseModel):
    """Arguments of a tool in Python: nothing unknown, nothing coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a read returns that made an artifact of the run beside its result."""

    #: What it is, such as ``email``.
    kind: str
    content: Json
    #: For the model.
    result: Json


class ReadOperation(ABC, Generic[A]):
    """A read."""

    #: Of its contract: what it accepts and means. A new one is a new address for approvals.
    version: str
    description: str
    #: Whether it reads with POST, which its tool file says.
    posts: bool = False

    @property
    @abstractmethod
    def schema(self) -> Json:
        """JSON Schema (2020-12) of its arguments."""

    @abstractmethod
    def parse(self, arguments: Json) -> A:
        """Raises Malformed, in a sentence without values."""

    @abstractmethod
    async def read(self, session: Reader, arguments: A) -> Json:
        """The result for the model, or Made where there is an artifact too."""


class WriteOperation(ABC, Generic[A]):
    """A write."""

    version: str
    description: str

    @property
    @abstractmethod
    def schema(self) -> Json:
        """JSON Schema (2020-12) of its arguments."""

    @abstractmethod
    def parse(self, arguments: Json) -> A:
        """Raises Malformed, in a sentence without values."""

    #: Whether ``find`` works.
    finds: bool = False
    #: Of code: the operation of the same source that takes it back with what ``prepare`` says; empty: none.
    undone_by: str = ""

    @abstractmethod
    async def prepare(self, session: Reader, arguments: A) -> Prepared | Answer:
        """What will change, read from the target; an Answer where there is nothing to propose."""

    @abstractmethod
    async def current(self, session: Reader, arguments: A) -> str:
        """The target's version right now; empty where it has none."""

    @abstractmethod
    def request(self, arguments: A) -> WriteRequest:
        """What is sent. The same arguments make the same request."""

    @abstractmethod
    def result(self, reply: Reply) -> Json:
        """What the model is told of a write that succeeded. Raises nothing, whatever the reply holds."""

    async def find(self, session: Reader, key: str) -> Json | None:  # noqa: ARG002 - for those that find
        """What the target did under this key, or None where it did nothing. Raises Stopped or Malformed."""
        raise Malformed("this tool cannot look a write up by its key")


Operation: TypeAlias = ReadOperation[Any] | WriteOperation[Any]


class PythonRead(ReadOperation[P]):
    """A read whose arguments are a pydantic model."""

    arguments: ClassVar[type[Arguments]]

    @property
    def schema(self) -> Json:
        return _schema(self.arguments)

    def parse(self, arguments: Json) -> P:
        return _parse(self.arguments, arguments)  # type: ignore[return-value]  # a ClassVar cannot name P


class PythonWrite(WriteOperation[P]):
    """A write whose arguments are a pydantic model."""

    arguments: ClassVar[type[Arguments]]

    @property
    def schema(self) -> Json:
        return _schema(self.arguments)

    def parse(self, arguments: Json) -> P:
        return _parse(self.arguments, arguments)  # type: ignore[return-value]  # a ClassVar cannot name P


class _Untitled(GenerateJsonSchema):
    """Without the titles that pydantic makes of names: the model pays for each of them on every step."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False

    def generate(self, schema: Any, mode: JsonSchemaMode = "validation") -> dict[str, Any]:
        made = super().generate(schema, mode)
        return {name: value for name, value in made.items() if name not in ("title", "description")}


def _schema(model: type[Arguments]) -> Json:
    return model.model_json_schema(schema_generator=_Untitled)


def _parse(model: type[Arguments], arguments: Json) -> Arguments:
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = one_line("/".join(str(part) for part in first["loc"]), 80)
    raise Malformed(f"the arguments do not fit: /{where}: {one_line(first['msg'], 200)}")
