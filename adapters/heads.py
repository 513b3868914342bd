"""The broker signs each audit chain's tip and anchors it outside the table."""

import asyncio
import json
from typing import Final

import structlog

from adapters.anchors import S3Anchors
from adapters.audit_log import StoreAuditLog
from contracts.audit import SignedHead
from contracts.errors import InterlockError
from contracts.ports import Clock
from contracts.tokens import Purpose, Signer

_EVERY: Final = 1.0
_log = structlog.get_logger()


class HeadSigner:
    """Runs beside the broker's activities."""

    def __init__(self, log: StoreAuditLog, signer: Signer, anchors: S3Anchors, clock: Clock) -> None:
        self._log = log
        self._signer = signer
        self._anchors = anchors
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled; what fails is tried again on the next round."""
        while True:
            try:
                await self.sign_once()
            except InterlockError as error:
                _log.warning("audit heads were not signed", reason=error.sentence)
            await asyncio.sleep(_EVERY)

    async def sign_once(self) -> None:
        for tenant, seq, hashed in await self._log.unsigned():
            now = self._clock.now_ms()
            said = {"tenant": tenant, "seq": seq, "hash": hashed, "at_ms": now}
            token = self._signer.sign(Purpose.AUDIT_HEAD, said)
            head = SignedHead(tenant=tenant, seq=seq, hash=hashed, token=token)
            await self._log.keep_head(head, now)
        for head in await self._log.unanchored():
            try:
                await self._anchor(head)
            except InterlockError as error:
                _log.warning("an audit head was not anchored", tenant=head.tenant, reason=error.sentence)

    async def _anchor(self, head: SignedHead) -> None:
        document = {"tenant": head.tenant, "seq": head.seq, "hash": head.hash, "token": head.token}
        await self._anchors.put(head.tenant, head.seq, json.dumps(document).encode())
        await self._log.mark_anchored(head)
