"""Signed audit heads outside the store: one S3 object for each, never written twice."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from botocore.exceptions import ClientError

from adapters.keys import AwsIdentity, answer
from contracts.errors import Malformed

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LAST: Final = 10**12 - 1


class S3Anchors:
    """The bucket of anchors. The broker may only put; an operator may only list and get."""

    def __init__(self, identity: AwsIdentity, bucket: str) -> None:
        self._client = identity.s3()
        self._bucket = bucket

    async def put(self, tenant: str, seq: int, document: bytes) -> bool:
        """Anchor a head; False where one stands at this place already, and stays.

        Raises:
            PermissionRefused: this process may not.
            Malformed: the tenant or the place is none.
            Unavailable: AWS did not answer.
        """
        return await asyncio.to_thread(self._put, _key(tenant, seq), document)

    async def list(self, tenant: str) -> Sequence[bytes]:
        """All anchors of a tenant, ascending. Raises as ``put`` does."""
        keys = await asyncio.to_thread(self._keys, _prefix(tenant))
        return await asyncio.gather(*(asyncio.to_thread(self._get, key) for key in keys))

    def _put(self, key: str, document: bytes) -> bool:
        def ask() -> bool:
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=document,
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                    raise
                return False
            return True

        return answer(f"anchoring {key}", ask)

    def _keys(self, prefix: str) -> Sequence[str]:
        def ask() -> Sequence[str]:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))

        return answer(f"listing the anchors under {prefix}", ask)

    def _get(self, key: str) -> bytes:
        return answer(
            f"reading the anchor {key}",
            lambda: self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read(),
        )


def _prefix(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise Malformed(f"{tenant!r} is no tenant")
    return f"{tenant}/"


def _key(tenant: str, seq: int) -> str:
    """``acme/000000000017.json``: padded, so that S3's order is the chain's."""
    if not 0 <= seq <= _LAST:
        raise Malformed(f"{seq} is no place in a chain")
    return f"{_prefix(tenant)}{seq:012d}.json"
