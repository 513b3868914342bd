"""A ring of symmetric keys: one of them encrypts, each of them decrypts.

AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D). A ring's secret is JSON,
``{"keys": [{"key", "use_from"}]}`` with 32 bytes in base64url and Unix seconds, or one such key alone, as the
first versions had it. A new key encrypts only from its ``use_from`` on, minutes after it was added: by then
every process has read it.
"""

import base64
import binascii
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.errors import Malformed
from contracts.secret import Secret

LEAD_SECONDS: Final = 300
"""From a new key's making to its first use: several times as long as any process goes on with an old ring."""

_BYTES: Final = 32
_NONCE: Final = 12


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """One key of a ring."""

    #: 8 hex digits, derived from the key.
    id: str
    #: Unix seconds from which it encrypts.
    use_from: float
    cipher: AESGCM = field(repr=False)

    def seal(self, plain: bytes, bound: bytes) -> bytes:
        """Nonce and ciphertext; it opens only with the same ``bound``."""
        nonce = os.urandom(_NONCE)
        return nonce + self.cipher.encrypt(nonce, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """Raises Malformed for what was altered, or bound to something else."""
        try:
            return self.cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
        except (InvalidTag, ValueError) as error:
            raise Malformed("what was encrypted was altered, or moved from its place") from error


@dataclass(frozen=True, kw_only=True)
class Ring:
    """Every key that is still to decrypt something; none where all of it is to be forgotten."""

    keys: tuple[DataKey, ...] = ()

    @classmethod
    def read(cls, secret: Secret) -> Self:
        """Raises Malformed, without the bytes."""
        return cls(keys=tuple(_key(entry) for entry in _entries(secret)))

    def current(self, now_s: float) -> DataKey | None:
        """The key that encrypts now: of those whose time has come the newest."""
        due = [key for key in self.keys if key.use_from <= now_s]
        return max(due, key=lambda key: key.use_from, default=None)

    def named(self, key_id: str) -> DataKey | None:
        return next((key for key in self.keys if key.id == key_id), None)


def new_key() -> str:
    """32 random bytes, base64url."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_BYTES)).decode()


def ring_of(*entries: tuple[str, float]) -> Secret:
    """A ring's secret of (key, ``use_from``) pairs."""
    return Secret(json.dumps({"keys": [{"key": key, "use_from": use_from} for key, use_from in entries]}))


def grown(secret: Secret, use_from: float) -> Secret:
    """The ring with one more key. Raises Malformed where it is none."""
    Ring.read(secret)
    known = [(entry["key"], entry["use_from"]) for entry in _entries(secret)]
    return ring_of(*known, (new_key(), use_from))


def _entries(secret: Secret) -> list[Any]:
    text = secret.reveal().strip()
    if not text.startswith("{"):
        return [{"key": text, "use_from": 0}]
    try:
        found = json.loads(text)["keys"]
    except (ValueError, KeyError):
        found = None
    if isinstance(found, list):
        return found
    # Outside the handler: json's error holds the whole document.
    raise Malformed('a ring of keys is JSON: {"keys": [{"key": …, "use_from": …}]}')


def _key(entry: Any) -> DataKey:
    try:
        raw = base64.urlsafe_b64decode(entry["key"] + "==")
        use_from = float(entry["use_from"])
    except (KeyError, TypeError, ValueError, binascii.Error):
        raw, use_from = b"", 0.0
    if len(raw) != _BYTES:
        raise Malformed("a key of the ring is not 32 bytes in base64url with the time of its first use")
    key_id = hashlib.sha256(b"interlock payload key" + raw).hexdigest()[:8]
    return DataKey(id=key_id, use_from=use_from, cipher=AESGCM(raw))
