"""Where a call may reach outside: rules over an address that was read once. None permits it: refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.digest import Json
from contracts.errors import Malformed
from contracts.tool import ToolSpec
from policies.arguments import SHOWN, clean
from policies.route import Egress
from policies.web_address import WebAddress, own_port, read_address, read_host

_RULES: Final = TypeAdapter(tuple[Egress, ...])
_MOST: Final = 50
"""Addresses that one call may name."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """An address that a rule permits."""

    #: Place of the rule among the route's.
    at: int
    address: WebAddress
    #: Bytes of an answer that are read, at most.
    max_bytes: int


def passage(rules: Sequence[Egress], method: str, address: WebAddress) -> Passage | str:
    """The most generous rule that permits it, or why none does, in one sentence."""
    permitting = [at for at, rule in enumerate(rules) if _refusal(rule, method, address) is None]
    if permitting:
        at = max(permitting, key=lambda place: (rules[place].max_bytes, -place))
        return Passage(at=at, address=address, max_bytes=rules[at].max_bytes)
    near = [rule for rule in rules if _same_host(rule, address)]
    if not near:
        return f"no egress rule of the route names the host {clean(address.place, SHOWN)}"
    return f"no egress rule for {clean(address.place, SHOWN)} permits {_refusal(near[0], method, address)}"


def reach(rules: Sequence[Egress], tool: ToolSpec, arguments: Json) -> tuple[Passage, ...] | str:
    """A rule for each address that the call would have fetched, or why one has none, in one sentence."""
    method = "POST" if tool.effect.writes else "GET"
    passages = []
    try:
        for text in _addresses(arguments, tool.reaches or ""):
            found = passage(rules, method, _address(tool, text))
            if isinstance(found, str):
                return found
            passages.append(found)
    except Malformed as error:
        return error.sentence
    return tuple(passages)


def read_rules(document: Json) -> tuple[Egress, ...]:
    """The rules of a route's document. Raises Malformed."""
    try:
        return _RULES.validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise Malformed("these are no egress rules of a route") from error


def _addresses(arguments: Json, pointer: str) -> list[str]:
    """Raises Malformed: nothing is there that is an address, or a list of them."""
    value = arguments
    for part in pointer.removeprefix("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    found = value if isinstance(value, list) else [value]
    if not 0 < len(found) <= _MOST or not all(isinstance(text, str) for text in found):
        raise Malformed(f"the arguments hold no address, or more than {_MOST}, at {pointer}")
    return found


def _address(tool: ToolSpec, text: str) -> WebAddress:
    """Our own session, which acts with no credential, guesses no scheme. Raises Malformed."""
    address = read_address(text)
    if address.scheme == "none" and not tool.credential:
        raise Malformed("the address names no scheme; write https:// before it")
    return address


def _refusal(rule: Egress, method: str, address: WebAddress) -> str | None:
    """What of the address the rule does not permit; None: it permits all of it."""
    if not _same_host(rule, address):
        return "the host"
    if address.scheme not in rule.schemes:
        return "an address without a scheme" if address.scheme == "none" else f"the scheme {address.scheme}"
    if method not in rule.methods:
        return f"the method {method}"
    if not any(_below(path, address.path) for path in rule.paths):
        return "this path"
    if not set(address.names) <= set(rule.query):
        return "this query"
    return None


def _same_host(rule: Egress, address: WebAddress) -> bool:
    try:
        host, port, below = _host(rule)
    except Malformed:
        return False
    wanted = own_port(address.scheme) if port is None else port
    if address.port != wanted:
        return False
    return address.host.endswith(f".{host}") if below else address.host == host


def _host(rule: Egress) -> tuple[str, int | None, bool]:
    """Host, port, and whether only what is below the host is meant. Raises Malformed."""
    below = rule.host.startswith("*.")
    return (*read_host(rule.host.removeprefix("*.") if below else rule.host), below)


def _below(path: str, asked: str) -> bool:
    return asked.startswith(path) if path.endswith("/") else asked == path
