"""The frozen action: what is shown, approved and sent, byte for byte."""

from dataclasses import asdict, dataclass, field
from typing import Final, Self

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
    #: Money and counts that a person must not miss, each short: ``EUR 49.00``, ``40 customers``.
    figures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a tool says of a write before it is frozen."""

    preview: Preview
    #: The target's version that the preview saw (an ETag, say); empty: the target has none.
    version: str = ""
    #: What the catalogue's undo tool would be called with, to bring back what was read; None: it has none.
    undo_arguments: Json = None


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The call that undoes a write, computed while the state before it was known."""

    tool: str
    arguments: Json


@dataclass(frozen=True, kw_only=True)
class Original:
    """The action of an earlier run that a write undoes."""

    run_id: str
    action_id: str
    tool: str
    target: str


FORMAT: Final = 3
"""Of new frozen records. An earlier one has none of what came later, and neither have its bytes."""

_SINCE_2: Final = ("undo", "undoes", "repeats", "revision")


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
    #: None: nothing takes it back.
    undo: Undo | None = None
    #: None: it undoes nothing.
    undoes: Original | None = None
    #: How often this run did exactly this before, or may have: the same tool with the same arguments.
    repeats: int = 0
    #: Which freezing of the action it is, from 1: an approval that was taken back is of other bytes.
    revision: int = 1
    #: Everybody whom the run acts for by way of somebody else, services among them (RFC 8693, ``act``).
    delegation: tuple[str, ...] = ()
    format: int = field(default=FORMAT)

    def document(self) -> Json:
        """The record as JSON, in its own format."""
        whole = asdict(self)
        if self.format < 3:
            del whole["preview"]["figures"], whole["delegation"]
        return whole if self.format > 1 else {name: whole[name] for name in whole if name not in _SINCE_2}

    def frozen_bytes(self) -> bytes:
        """The canonical bytes (RFC 8785)."""
        return canonical(self.document())

    def digest(self) -> str:
        return digest_bytes(self.frozen_bytes())

    @classmethod
    def read(cls, document: Json) -> Self:
        """Raises Malformed when the document is no frozen action, or holds what its format does not seal."""
        try:
            shown = document["preview"]
            changes = tuple(Change(**change) for change in shown["changes"])
            figures = tuple(shown.get("figures", ()))
            undo, undoes = document.get("undo"), document.get("undoes")
            found = cls(
                **{
                    **document,
                    "preview": Preview(**{**shown, "changes": changes, "figures": figures}),
                    "undo": None if undo is None else Undo(**undo),
                    "undoes": None if undoes is None else Original(**undoes),
                    "delegation": tuple(document.get("delegation", ())),
                    "format": document["format"],
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise Malformed(f"this is no frozen action: {error}") from error
        if (
            found.format not in range(1, FORMAT + 1)
            or (found.format == 1 and (undo or undoes or found.repeats or found.revision > 1))
            or (found.format < 3 and (figures or found.delegation))
        ):
            raise Malformed("this frozen action is of a format that is not known here")
        return found
