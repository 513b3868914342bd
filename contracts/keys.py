"""Idempotency keys: readable for people, hashed over every part for the books."""

import hashlib

from contracts.digest import canonical, digest


def request_id(*, tenant: str, env: str, caller: str, key: str) -> str:
    """``req_`` and 12 hex digits over the start's identity."""
    return "req_" + hashlib.sha256(canonical([tenant, env, caller, key])).hexdigest()[:12]


def start_hash(*, tenant: str, env: str, caller: str, key: str) -> str:
    """The full digest under which the start of a run is unique."""
    return digest(["start", tenant, env, caller, key])


def action_key(*, request: str, tool: str, target: str, ordinal: int) -> str:
    """``req_9f2c01ab77e3:ticket.close:T-18421``; from the second action on the same target ``…#2``."""
    suffix = "" if ordinal == 1 else f"#{ordinal}"
    return f"{request}:{tool}:{target}{suffix}"


def key_hash(*, tenant: str, env: str, request: str, tool: str, target: str, ordinal: int) -> str:
    """The key as it is stored: no part can run into the next."""
    return digest(["action", tenant, env, request, tool, target, ordinal])
