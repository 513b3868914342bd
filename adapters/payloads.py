"""What Temporal keeps of us is encrypted: payloads, failures and headers, from the first run on.

The key's id travels beside each payload, authenticated.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

from adapters.payload_keys import PayloadKeys
from adapters.rings import DataKey

_ENCODING: Final = b"binary/encrypted"


class EncryptingCodec(PayloadCodec):
    """Encrypts whole payloads, metadata included."""

    def __init__(self, keys: PayloadKeys) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises as ``PayloadKeys.current`` does."""
        key = await self._keys.current()
        return [_sealed(key, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises Malformed for what another key sealed or what was altered. Plain payloads pass."""
        return [await self._opened(payload) for payload in payloads]

    async def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        key = await self._keys.named(payload.metadata.get("key-id", b"").decode(errors="replace"))
        return Payload.FromString(key.open(payload.data, key.id.encode()))


def _sealed(key: DataKey, payload: Payload) -> Payload:
    bound = key.id.encode()
    data = key.seal(payload.SerializeToString(), bound)
    return Payload(metadata={"encoding": _ENCODING, "key-id": bound}, data=data)


def encrypting_converter(keys: PayloadKeys) -> DataConverter:
    """A data converter that encrypts payloads and the text of failures."""
    return replace(
        DataConverter.default,
        payload_codec=EncryptingCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
