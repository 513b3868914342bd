"""Laws of payload keys that rotate while everything runs."""

import asyncio
from dataclasses import dataclass, field

import pytest
from temporalio.api.common.v1 import Payload

from adapters.payload_keys import MISS_SECONDS, REFRESH_SECONDS, PayloadKeys
from adapters.payloads import EncryptingCodec
from adapters.rings import LEAD_SECONDS, Ring, grown, new_key, ring_of
from contracts.errors import Malformed, Unavailable
from contracts.secret import Secret

START = 1_800_000_000.0
PLAIN = [Payload(metadata={"encoding": b"json/plain"}, data=b'"T-18421"')]


@dataclass(kw_only=True)
class Vault:
    """A secret that a test changes, and the clock of everybody who reads it."""

    secret: Secret = field(default_factory=lambda: Secret(new_key()))
    seconds: float = 0.0
    reads: int = 0
    away: bool = False

    def process(self) -> EncryptingCodec:
        return EncryptingCodec(
            PayloadKeys(self._read, now=lambda: START + self.seconds, passed=lambda: self.seconds)
        )

    def rotate(self, lead: float = LEAD_SECONDS) -> None:
        self.secret = grown(self.secret, START + self.seconds + lead)

    async def _read(self) -> Secret:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("AWS did not answer")
        return self.secret


async def written(process: EncryptingCodec) -> Payload:
    """What the process writes now; a ring that it follows beside that has been read by then."""
    await process.encode(PLAIN)
    for _ in range(5):
        await asyncio.sleep(0)
    (payload,) = await process.encode(PLAIN)
    return payload


def key_id(payload: Payload) -> bytes:
    return payload.metadata["key-id"]


async def test_rotation_reaches_a_process_without_a_restart() -> None:
    """A process that keeps running encrypts with the new key once its time has come, and opens both."""
    vault = Vault()
    process = vault.process()
    old = await written(process)
    vault.rotate()
    vault.seconds = LEAD_SECONDS + 1
    new = await written(process)
    assert key_id(new) != key_id(old)
    assert await process.decode([old, new]) == PLAIN * 2


async def test_a_key_is_readable_everywhere_before_anyone_encrypts_with_it() -> None:
    """Until its time nobody writes with a new key, by when every process that follows has read it."""
    vault = Vault()
    writer, reader = vault.process(), vault.process()
    old = await written(writer)
    await reader.decode([old])
    vault.rotate()
    vault.seconds = REFRESH_SECONDS
    assert key_id(await written(writer)) == key_id(old)
    await written(reader)
    vault.seconds = LEAD_SECONDS
    new = await written(writer)
    reads = vault.reads
    vault.away = True
    assert key_id(new) != key_id(old)
    assert await reader.decode([new]) == PLAIN
    assert vault.reads == reads


async def test_a_reader_that_missed_a_rotation_reads_the_ring_again() -> None:
    """A process that did not follow opens what a key that it never saw has sealed."""
    vault = Vault()
    reader = vault.process()
    await reader.decode([await written(vault.process())])
    vault.rotate(lead=0)
    vault.seconds = MISS_SECONDS
    new = await written(vault.process())
    assert await asyncio.gather(*(reader.decode([new]) for _ in range(8))) == [PLAIN] * 8


async def test_made_up_key_ids_reach_aws_once_in_some_seconds() -> None:
    """Whoever sends payloads with key ids that nobody has is refused, mostly without a call."""
    vault = Vault()
    process = vault.process()
    payload = await written(process)
    vault.seconds, before = MISS_SECONDS, vault.reads
    for number in range(50):
        forged = Payload(metadata={**payload.metadata, "key-id": b"%08x" % number}, data=payload.data)
        with pytest.raises(Malformed, match="another key"):
            await process.decode([forged])
    assert vault.reads == before + 1


async def test_an_unknown_key_is_no_refusal_while_aws_is_away() -> None:
    """What cannot be looked up may be readable later: the answer is to try again, not a no."""
    vault = Vault()
    reader = vault.process()
    await written(reader)
    vault.rotate(lead=0)
    vault.seconds = MISS_SECONDS
    new = await written(vault.process())
    vault.away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await reader.decode([new])


async def test_a_ring_at_hand_serves_while_aws_is_away() -> None:
    """A process that read its ring once goes on with it, however long AWS does not answer."""
    vault = Vault()
    process = vault.process()
    old = await written(process)
    vault.away, vault.seconds = True, 100 * LEAD_SECONDS
    assert await process.decode([old, await written(process)]) == PLAIN * 2


async def test_a_state_with_one_bare_key_goes_on() -> None:
    """The secret of version 1 is a ring of one, and what it sealed opens after it has grown."""
    vault = Vault(secret=Secret(bare := new_key()))
    old = await written(vault.process())
    vault.secret = ring_of((bare, 0), (new_key(), START))
    process = vault.process()
    new = await written(process)
    assert key_id(new) != key_id(old)
    assert await process.decode([old, new]) == PLAIN * 2


async def test_an_altered_payload_is_refused() -> None:
    """A changed byte, a cut and a foreign key id are refused, and nothing is half decoded."""
    vault = Vault()
    vault.secret = grown(vault.secret, 0)
    process = vault.process()
    payload = await written(process)
    others = [key.id.encode() for key in Ring.read(vault.secret).keys if key.id.encode() != key_id(payload)]
    changed = bytes([payload.data[0] ^ 1]) + payload.data[1:]
    for metadata, data in [
        (payload.metadata, changed),
        (payload.metadata, payload.data[:5]),
        ({**payload.metadata, "key-id": others[0]}, payload.data),
    ]:
        with pytest.raises(Malformed):
            await process.decode([Payload(metadata=metadata, data=data)])


@pytest.mark.parametrize(
    "text", ["", "AAAA", "{", '{"keys": {}}', '{"keys": [1]}', '{"keys": [{"key": "AAAA", "use_from": 0}]}']
)
def test_what_is_no_ring_is_refused_without_its_bytes(text: str) -> None:
    """A secret of another shape is a sentence that quotes nothing of it."""
    with pytest.raises(Malformed) as raised:
        Ring.read(Secret(text))
    assert "AAAA" not in raised.value.sentence
    assert raised.value.__cause__ is None
