"""Laws of proving an audit chain."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cli.verify import Chain, Proof, report, verify
from contracts.audit import GENESIS, ChainedRecord, SignedHead, link
from contracts.errors import TokenRefused


def _records(count: int) -> list[ChainedRecord]:
    records, previous = [], GENESIS
    for seq in range(1, count + 1):
        body = {"kind": "attempt", "number": seq}
        hashed = link(previous, body)
        records.append(ChainedRecord(seq=seq, record=body, previous=previous, hash=hashed))
        previous = hashed
    return records


def _sign(tenant: str, seq: int, hashed: str) -> str:
    return "signed:" + json.dumps({"tenant": tenant, "seq": seq, "hash": hashed})


def _read(token: str) -> Mapping[str, Any]:
    """A verifier whose signature is a prefix: who lacks the key lacks the prefix."""
    if not token.startswith("signed:"):
        raise TokenRefused("this was signed by nobody")
    found: dict[str, Any] = json.loads(token.removeprefix("signed:"))
    return found


def _head(record: ChainedRecord, tenant: str = "acme") -> SignedHead:
    return SignedHead(
        tenant=tenant, seq=record.seq, hash=record.hash, token=_sign(tenant, record.seq, record.hash)
    )


def _anchor(record: ChainedRecord, tenant: str = "acme") -> bytes:
    return json.dumps(vars(_head(record, tenant))).encode()


def _chain(count: int = 5, anchored: int = 3) -> Chain:
    records = _records(count)
    return Chain(
        tenant="acme",
        records=records,
        heads=[_head(records[anchored - 1]), _head(records[-1])],
        anchors=[_anchor(records[anchored - 1])],
    )


def _why(proof: Proof) -> tuple[int, str]:
    assert proof.broken is not None
    return proof.broken.seq, proof.broken.why


def test_untouched_chain_holds_and_says_what_is_unproven() -> None:
    """A chain as it was written holds; what lies after its last anchor is not yet proven."""
    proof = verify(_chain(), _read)
    assert proof == Proof(records=5, anchored=3, broken=None)
    assert proof.unproven == 2


def test_altered_record_is_named() -> None:
    """A record whose content was changed is the first broken one."""
    chain = _chain()
    altered = [*chain.records]
    altered[1] = replace(altered[1], record={"kind": "attempt", "number": 99})
    seq, why = _why(verify(replace(chain, records=altered), _read))
    assert (seq, why) == (2, "record 2 was altered: its hash is another")


def test_removed_record_is_named() -> None:
    """A record that was taken out of the middle is missed."""
    chain = _chain()
    seq, why = _why(verify(replace(chain, records=[*chain.records[:2], *chain.records[3:]]), _read))
    assert seq == 3
    assert "missing" in why


def test_rewritten_chain_contradicts_its_anchor() -> None:
    """A chain that was recomputed as a whole, heads too, still isn't the one that was anchored."""
    chain, previous, forged = _chain(), GENESIS, []
    for one in chain.records:
        body = {**one.record, "number": 0}
        hashed = link(previous, body)
        forged.append(replace(one, record=body, previous=previous, hash=hashed))
        previous = hashed
    proof = verify(replace(chain, records=forged, heads=[]), _read)
    assert _why(proof) == (3, "record 3 is another than the one that was signed")
    assert proof.anchored == 0


@pytest.mark.parametrize("kept", [0, 2])
def test_truncated_chain_contradicts_its_anchor(kept: int) -> None:
    """Records that were anchored and deleted are missed, even all of them."""
    chain = _chain()
    seq, why = _why(verify(replace(chain, records=chain.records[:kept], heads=[]), _read))
    assert seq == 3
    assert "is gone" in why


def test_deleted_tail_is_missed_by_its_signed_head() -> None:
    """A tail that is not anchored yet is missed where a signed head names it."""
    chain = _chain()
    seq, _ = _why(verify(replace(chain, records=chain.records[:4]), _read))
    assert seq == 5


def test_unsigned_head_breaks_the_chain() -> None:
    """A head that the key did not sign proves nothing, and is a break."""
    chain = _chain()
    forged = replace(chain.heads[0], token="nobody's")
    seq, why = _why(verify(replace(chain, heads=[forged]), _read))
    assert seq == 3
    assert "signed by nobody" in why


def test_head_signed_for_another_place_breaks_the_chain() -> None:
    """A true signature over something else is no signature of this."""
    chain = _chain()
    moved = replace(chain.heads[0], token=chain.heads[1].token)
    assert _why(verify(replace(chain, heads=[moved]), _read))[1].endswith("was signed for something else")


def test_anchor_of_another_tenant_breaks_the_chain() -> None:
    """One tenant's anchor does not prove another's chain."""
    chain = _chain()
    proof = verify(replace(chain, anchors=[_anchor(chain.records[2], "globex")]), _read)
    assert "another tenant" in _why(proof)[1]
    assert proof.anchored == 0


@pytest.mark.parametrize("document", [b"", b"[]", b'{"seq": 3}', b"\xff", b'{"tenant": null}'])
def test_anchor_that_is_none_breaks_the_chain(document: bytes) -> None:
    """What lies in the bucket and is no head is a break, never an error."""
    assert _why(verify(replace(_chain(), anchors=[document]), _read)) == (0, "an anchor is no signed head")


def test_report_names_the_broken_chain() -> None:
    """One broken chain makes the whole unverified, and is named."""
    chain = _chain()
    good, bad = verify(chain, _read), verify(replace(chain, tenant="globex"), _read)
    found = report({"acme": good, "globex": bad})
    assert found["verified"] is False
    assert found["records"] == 10
    assert found["broken"]["tenant"] == "globex"
    assert found["tenants"]["acme"]["verified"] is True
    assert report({"acme": good})["broken"] is None


RESTORED = {
    "kind": "store",
    "outcome": "restored",
    "actor": "op:ada",
    "reason": "disk failure",
    "at_ms": 2_000,
}


def _restored(signed_ms: int, said: Mapping[str, Any] = RESTORED) -> Chain:
    """Ten records were anchored, five came back from the backup, and the chain went on from there."""
    before = _records(10)
    records = before[:5]
    for number, body in enumerate([dict(said), *({"kind": "run", "number": n} for n in range(6))], start=6):
        hashed = link(records[-1].hash, body)
        records.append(ChainedRecord(seq=number, record=body, previous=records[-1].hash, hash=hashed))
    anchors = [_anchored_at(one, signed_ms) for one in (before[3], before[7], before[9])]
    return Chain(
        tenant="acme", records=records, heads=[], anchors=[*anchors, _anchored_at(records[11], 3_000)]
    )


def _anchored_at(record: ChainedRecord, at_ms: int) -> bytes:
    shown = {"tenant": "acme", "seq": record.seq, "hash": record.hash}
    return json.dumps({**shown, "token": "signed:" + json.dumps({**shown, "at_ms": at_ms})}).encode()


def test_a_restore_explains_the_anchors_that_it_lost_and_somebody_has_to_know_of_it() -> None:
    """What was anchored before a restore is told as lost, with the why, and unverified till accepted."""
    proof = verify(_restored(signed_ms=1_000), _read)
    assert proof.broken is None
    assert [(one.first, one.last, one.seq, one.actor) for one in proof.lost] == [(8, 10, 6, "op:ada")]
    assert proof.anchored == 12
    assert report({"acme": proof})["verified"] is False
    accepted = report({"acme": proof}, accept_restores=True)
    assert accepted["verified"] is True
    assert accepted["tenants"]["acme"]["lost"][0]["reason"] == "disk failure"


def test_a_restore_excuses_nothing_that_was_anchored_after_it() -> None:
    """Who changes the chain after a restore is found out by the anchors since."""
    assert "another than the one" in _why(verify(_restored(signed_ms=2_001), _read))[1]


def test_no_other_record_excuses_a_lost_anchor() -> None:
    """Only a restore explains what is gone."""
    assert (
        verify(_restored(signed_ms=1_000, said={**RESTORED, "outcome": "backup"}), _read).broken is not None
    )


def test_a_restore_does_not_excuse_a_break_before_it() -> None:
    """What the backup brought back still has to be what was anchored."""
    chain = _restored(signed_ms=1_000)
    forged = [replace(chain.records[0], record={"kind": "forged"}), *chain.records[1:]]
    proof = verify(replace(chain, records=forged), _read)
    assert _why(proof)[0] == 1
    assert report({"acme": proof}, accept_restores=True)["verified"] is False
