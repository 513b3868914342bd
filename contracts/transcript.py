"""What the model sees of a run, in order."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from contracts.budget import Usage
from contracts.decision import Call
from contracts.digest import Json

RESULT_LIMIT: Final = 32_768
"""UTF-8 bytes of one tool result that reach the transcript."""


class Role(StrEnum):
    """Who says it."""

    INPUT = "input"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True)
class Message:
    """One entry. A tool's is data from outside: never instructions."""

    seq: int
    role: Role
    #: Of a tool's: the action it answers.
    action_id: str | None = None
    #: Of ``input``: the run's input.
    #: Of ``assistant``: ``{"text", "calls": [{"tool", "arguments", "call_id"}]}``.
    #: Of ``tool``: ``{"tool", "call_id", "outcome", "content"}``.
    body: Json


@dataclass(frozen=True, kw_only=True)
class ToolSchema:
    """A tool as the model is told of it."""

    name: str
    description: str
    schema: Json


@dataclass(frozen=True, kw_only=True)
class ModelRequest:
    """One request to a model."""

    #: ``rules``, ``scripted``, ``openai:gpt-…``, ``anthropic:…``, ``bedrock:…``.
    model: str
    prompt: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]
    max_output_tokens: int
    #: Seconds after which the attempt is given up.
    timeout: float


@dataclass(frozen=True, kw_only=True)
class ModelTurn:
    """A model's answer."""

    text: str
    calls: tuple[Call, ...] = ()
    usage: Usage | None = None
    #: The provider's content filter or refusal.
    refused: bool = field(default=False)


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars a million tokens, as decimal text."""

    input_usd_per_mtok: str
    output_usd_per_mtok: str
