"""Who calls: the keys file, which holds hashes of bearer tokens and never a token."""

import hmac
import logging
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from embedded.helpdesk.problems import Problem

#: What a tenant's key may do: each one thing, and none of the others.
TenantScope = Literal["read", "write", "mail", "orders", "refund"]
Scope = TenantScope | Literal["control"]
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]

log = logging.getLogger(__name__)


class KeysUnreadable(Exception):
    """The keys file cannot be read or is no keys file; the sentence names the place and no value."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What a key proves. The tenant comes from here and from nowhere else."""

    #: Empty for the control key.
    tenant: str
    scope: Scope


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    tenant: _Tenant
    scope: TenantScope
    sha256: _Hash


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    keys: tuple[_Key, ...]
    control_sha256: _Hash

    @model_validator(mode="after")
    def _one_meaning_each(self) -> Self:
        hashes = [key.sha256 for key in self.keys] + [self.control_sha256]
        if len(set(hashes)) != len(hashes):
            raise ValueError("two entries have the same sha256: a token may mean one thing only")
        return self

    def caller(self, token: str) -> Caller | None:
        """Compares with every entry, so that the time taken does not tell which one was near."""
        digest = sha256(token.encode()).hexdigest()
        found: Caller | None = None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, digest):
                found = Caller(tenant=key.tenant, scope=key.scope)
        if hmac.compare_digest(self.control_sha256, digest):
            found = Caller(tenant="", scope="control")
        return found


class KeyFile:
    """The keys in force, read again whenever the file changes."""

    def __init__(self, path: Path) -> None:
        """Raises KeysUnreadable."""
        self._path = path
        self._seen = self._mark()
        self._keys = self._read()

    def caller(self, authorization: list[str]) -> Caller:
        """Who the request's Authorization headers prove it to be.

        Raises:
            Problem: there is no known key, or the keys file cannot be read: a revoked key must not live on
                in memory.
        """
        try:
            self._refresh()
        except KeysUnreadable as error:
            log.error("refusing everybody: %s", error)
            raise Problem("unavailable", "the helpdesk cannot read its keys; try again later") from error
        found = self._keys.caller(_bearer(authorization))
        if found is None:
            raise _unauthenticated("the bearer token is unknown here")
        return found

    def _refresh(self) -> None:
        mark = self._mark()
        if mark != self._seen:
            self._keys = self._read()
            self._seen = mark
            log.info("read the keys file again: %d keys", len(self._keys.keys))

    def _mark(self) -> tuple[int, int, int]:
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - on the path of every request
        except OSError as error:
            raise KeysUnreadable(f"the keys file {self._path} cannot be read: {error.strerror}") from error
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> _Keys:
        try:
            return _Keys.model_validate_json(self._path.read_bytes())
        except OSError as error:
            raise KeysUnreadable(f"the keys file {self._path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            raise KeysUnreadable(
                f"the keys file {self._path} is no keys file: {where}: {first['msg']}"
            ) from None  # pydantic's own text shows the values


def _bearer(authorization: list[str]) -> str:
    if len(authorization) != 1:
        raise _unauthenticated("send one Authorization header: Bearer and your key")
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _unauthenticated("the Authorization header must be: Bearer and your key")
    return token.strip()


def _unauthenticated(detail: str) -> Problem:
    return Problem("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})
