"""Canonical bytes and digests: what is signed, approved and compared.

Canonical form is RFC 8785 (JSON Canonicalization Scheme); a digest is SHA-256 over it.
"""

import hashlib
from typing import Any, TypeAlias

import rfc8785

from contracts.errors import Malformed

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict with string keys."""


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of a JSON value.

    Raises:
        Malformed: the value is no JSON, or holds an integer outside ±(2^53 - 1).
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise Malformed(f"this value has no canonical JSON form: {error}") from error


def digest(value: Json) -> str:
    """``sha256:`` and 64 hex digits over the canonical bytes of a JSON value."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> str:
    """``sha256:`` and 64 hex digits over bytes that are canonical already."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def exact(arguments: Json) -> bytes:
    """Canonical bytes of a write's arguments, in which every number is exact.

    Raises:
        Malformed: there is a float or an unsafe integer, which two parsers may read differently.
    """
    _refuse_floats(arguments, "")
    return canonical(arguments)


def _refuse_floats(value: Json, pointer: str) -> None:
    if isinstance(value, float):
        raise Malformed(f"{pointer or '/'} is a float; write arguments take integers or decimal strings")
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_floats(inner, f"{pointer}/{name}")
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            _refuse_floats(inner, f"{pointer}/{position}")
