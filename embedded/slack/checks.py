"""The grammar in which Block Kit's rules are written down: small checks that compose.

A check is given the findings so far, a JSON pointer and a value, and adds a sentence for each thing that is
wrong, worded as Slack words it in `response_metadata.messages`.
"""

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]


class Findings:
    """What was found wrong with one document."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, pointer: str, complaint: str) -> None:
        """Record a complaint about the place that the pointer names."""
        self.messages.append(f"[ERROR] {complaint} [json-pointer:{pointer}]")


Check = Callable[[Findings, str, Any], None]


def string(most: int, *, least: int = 1) -> Check:
    """Text of so many characters."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        if not isinstance(value, str):
            found.add(pointer, "must be a string")
        elif len(value) > most:
            found.add(pointer, f"must be less than {most + 1} characters")
        elif len(value) < least:
            found.add(pointer, f"must be more than {least - 1} characters")

    return check


def one_of(*words: str) -> Check:
    """One of these words."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        if value not in words:
            found.add(pointer, f"must be one of: {', '.join(words)}")

    return check


def boolean(found: Findings, pointer: str, value: Any) -> None:
    """true or false."""
    if not isinstance(value, bool):
        found.add(pointer, "must be a boolean")


def integer(least: int, most: int) -> Check:
    """A whole number in a range, both ends included."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            found.add(pointer, f"must be an integer from {least} to {most}")

    return check


def link(most: int) -> Check:
    """An http or https address of at most so many characters."""
    text = string(most)

    def check(found: Findings, pointer: str, value: Any) -> None:
        text(found, pointer, value)
        if isinstance(value, str) and not value.startswith(("http://", "https://")):
            found.add(pointer, "must be a valid http or https URL")

    return check


def listing(item: Check, *, most: int, least: int = 1) -> Check:
    """So many items, each right by itself."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        if not isinstance(value, list):
            found.add(pointer, "must be an array")
            return
        if len(value) > most:
            found.add(pointer, f"no more than {most} items allowed")
        if len(value) < least:
            found.add(pointer, f"no fewer than {least} items allowed")
        for index, entry in enumerate(value[:most]):
            item(found, f"{pointer}/{index}", entry)

    return check


def shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields and no others."""
    known = {**required, **(optional or {})}

    def check(found: Findings, pointer: str, value: Any) -> None:
        if not isinstance(value, dict):
            found.add(pointer, "must be an object")
            return
        for name in required.keys() - value.keys():
            found.add(pointer, f"missing required field: {name}")
        for name, field in value.items():
            if name in known:
                known[name](found, f"{pointer}/{name}", field)
            else:
                found.add(pointer, f"invalid additional property: {name}")

    return check


def variant(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of these rules holds for it."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            found.add(pointer, "missing required field: type")
        elif kind not in kinds:
            found.add(f"{pointer}/type", f"unsupported type: {kind}")
        else:
            kinds[kind](found, pointer, value)

    return check


def both(*checks: Check) -> Check:
    """Everything that each of these asks."""

    def check(found: Findings, pointer: str, value: Any) -> None:
        for each in checks:
            each(found, pointer, value)

    return check
