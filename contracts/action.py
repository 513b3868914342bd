"""The frozen action: what is shown, approved and sent, byte for byte."""

from dataclasses import asdict, dataclass, field
from typing import Self

from contracts.digest import Json, canonical, digest_bytes
from contracts.errors import Malformed


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that the write changes."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a person must know to judge a write; facts read from the target, in plain text."""

    #: The target as people name it: ``T-18421 "Password reset loops"``.
    target: str
    changes: tuple[Change, ...]
    #: Who and how many are affected if it is wrong.
    stakes: str
    #: How and until when it can be undone; empty: it cannot.
    undo: str = ""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a tool says of a write before it is frozen."""

    preview: Preview
    #: The target's version that the preview saw (an ETag, say); empty: the target has none.
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A proposed write, frozen. Its digest is what people approve."""

    action_id: str
    run_id: str
    request_id: str
    tenant: str
    env: str
    route: str
    policy_digest: str
    catalogue_digest: str
    tool: str
    tool_version: str
    address: str
    effect: str
    credential: str
    arguments: Json
    target: str
    target_version: str
    idempotency_key: str
    key_hash: str
    #: Which action on this tool and target in this run it is, from 1.
    ordinal: int
    preview: Preview
    caller: str
    on_behalf_of: str | None
    #: The agent's words on why.
    words: str = ""
    format: int = field(default=1)

    def frozen_bytes(self) -> bytes:
        """The canonical bytes (RFC 8785)."""
        return canonical(asdict(self))

    def digest(self) -> str:
        return digest_bytes(self.frozen_bytes())

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed when the document is no frozen action."""
        try:
            shown = document["preview"]
            changes = tuple(Change(**change) for change in shown["changes"])
            return cls(**{**document, "preview": Preview(**{**shown, "changes": changes})})
        except (KeyError, TypeError) as error:
            raise Malformed(f"this is no frozen action: {error}") from error
