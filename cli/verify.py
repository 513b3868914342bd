"""Whether an audit chain is the one that was written: recomputed, and held against its signed heads.

The store's owner could rewrite a chain and every head in it; the anchors lie where nobody may overwrite
them, so what they cover is proven, and what comes after the last one is not yet.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from contracts.audit import GENESIS, ChainedRecord, SignedHead, link
from contracts.errors import TokenRefused

ReadHead: TypeAlias = Callable[[str], Mapping[str, Any]]
"""The claims of a head's token. Raises TokenRefused."""

_MEMBERS: Final = ("tenant", "seq", "hash")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """One tenant's records with what was said about them."""

    tenant: str
    records: Sequence[ChainedRecord]
    heads: Sequence[SignedHead]
    #: Documents of the anchors: ``{"tenant", "seq", "hash", "token"}``.
    anchors: Sequence[bytes]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """The first place at which a chain does not hold."""

    tenant: str
    seq: int
    why: str


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Anchored records that are gone, and the chain's own next record that says why: a restore from backup.

    Whoever writes the store could have put it there to hide what they took out, so a person has to know
    of the restore.
    """

    #: The first and the last place of which an anchor is missed.
    first: int
    last: int
    #: Place of the record that says so, and what it says.
    seq: int
    actor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What is known of one chain."""

    records: int
    #: Place of the last anchor that holds; 0: none.
    anchored: int
    broken: Broken | None
    lost: tuple[Lost, ...] = ()

    @property
    def unproven(self) -> int:
        """Records after the last anchor: chained, but their writer could still change them."""
        return self.records - self.anchored


def verify(chain: Chain, read_head: ReadHead) -> Proof:
    """Recompute the chain from its start and hold every head and every anchor against it."""
    hashes, broken = _recomputed(chain)
    found = [broken] if broken else []
    anchored = 0
    missed: dict[int, list[int]] = {}
    for seq, claims in _statements(chain, read_head):
        if isinstance(claims, str):
            found.append(Broken(tenant=chain.tenant, seq=seq, why=claims))
        elif wrong := _contradiction(chain.tenant, seq, claims.head, hashes):
            # Past the first break nothing was recomputed; the break says all there is to say.
            if (restore := _restored(chain, hashes, seq, claims)) is not None:
                missed.setdefault(restore, []).append(seq)
            elif broken is None or seq < broken.seq:
                found.append(Broken(tenant=chain.tenant, seq=seq, why=wrong))
        elif claims.anchor:
            anchored = max(anchored, seq)
    first = min(found, key=lambda one: one.seq, default=None)
    lost = tuple(_lost(chain, restore, places) for restore, places in sorted(missed.items()))
    return Proof(records=len(chain.records), anchored=anchored, broken=first, lost=lost)


def _restored(chain: Chain, hashes: Sequence[str], seq: int, said: "_Said") -> int | None:
    """Place of the first record at or before ``seq`` of a restore that was after the anchor was signed."""
    if not said.anchor or said.head["tenant"] != chain.tenant or said.at_ms is None:
        return None
    for one in chain.records[: min(seq, len(hashes) - 1)]:
        told = one.record
        if (told.get("kind"), told.get("outcome")) == ("store", "restored") and said.at_ms <= told["at_ms"]:
            return one.seq
    return None


def _lost(chain: Chain, restore: int, places: Sequence[int]) -> Lost:
    told = chain.records[restore - 1].record
    return Lost(first=min(places), last=max(places), seq=restore, actor=told["actor"], reason=told["reason"])


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A head whose signature holds."""

    head: Mapping[str, Any]
    anchor: bool
    #: Unix milliseconds at which it was signed; None in heads of before this was told.
    at_ms: int | None


def _recomputed(chain: Chain) -> tuple[list[str], Broken | None]:
    """The hash of each place from 1 on, as far as the chain holds."""
    hashes = [GENESIS]
    for place, one in enumerate(chain.records, start=1):
        wrong = _fault(place, one, hashes[-1])
        if wrong:
            return hashes, Broken(tenant=chain.tenant, seq=place, why=wrong)
        hashes.append(one.hash)
    return hashes, None


def _fault(place: int, one: ChainedRecord, previous: str) -> str | None:
    if one.seq != place:
        return f"record {place} is missing: the next one is {one.seq}"
    if one.previous != previous:
        return f"record {place} does not follow record {place - 1}"
    if link(previous, one.record) != one.hash:
        return f"record {place} was altered: its hash is another"
    return None


def _statements(chain: Chain, read_head: ReadHead) -> Iterator[tuple[int, _Said | str]]:
    """Every head and anchor with its place: what it says, or why it says nothing."""
    for head in chain.heads:
        shown = {"tenant": head.tenant, "seq": head.seq, "hash": head.hash}
        yield head.seq, _read(shown, head.token, read_head, anchor=False)
    for document in chain.anchors:
        try:
            found = json.loads(document)
            shown, signed = {name: found[name] for name in _MEMBERS}, str(found["token"])
            seq = int(found["seq"])
        except (ValueError, KeyError, TypeError):
            yield 0, "an anchor is no signed head"
        else:
            yield seq, _read(shown, signed, read_head, anchor=True)


def _read(shown: Mapping[str, Any], signed: str, read_head: ReadHead, *, anchor: bool) -> _Said | str:
    name = f"the {'anchor' if anchor else 'signed head'} at record {shown['seq']}"
    try:
        claims = read_head(signed)
    except TokenRefused as error:
        return f"{name} does not hold: {error.sentence}"
    if any(claims.get(member) != shown[member] for member in _MEMBERS):
        return f"{name} was signed for something else"
    return _Said(head=shown, anchor=anchor, at_ms=claims.get("at_ms"))


def _contradiction(tenant: str, seq: int, head: Mapping[str, Any], hashes: Sequence[str]) -> str | None:
    if head["tenant"] != tenant:
        return f"a signed head at record {seq} is of another tenant"
    if not 0 < seq < len(hashes):
        return f"record {seq} was signed and is gone: the chain ends at {len(hashes) - 1}"
    if hashes[seq] != head["hash"]:
        return f"record {seq} is another than the one that was signed"
    return None


def report(proofs: Mapping[str, Proof], *, accept_restores: bool = False) -> dict[str, Any]:
    """All chains as one document. A restore that nobody has accepted leaves its chain unverified."""

    def holds(proof: Proof) -> bool:
        return proof.broken is None and (accept_restores or not proof.lost)

    broken = next(_breaks(proofs.values()), None)
    return {
        "records": sum(proof.records for proof in proofs.values()),
        "verified": all(map(holds, proofs.values())),
        "tenants": {
            tenant: {
                "records": proof.records,
                "verified": holds(proof),
                "anchored": proof.anchored,
                "unproven": proof.unproven,
                "lost": [vars(lost).copy() for lost in proof.lost],
            }
            for tenant, proof in proofs.items()
        },
        "broken": None if broken is None else vars(broken).copy(),
    }


def _breaks(proofs: Iterable[Proof]) -> Iterator[Broken]:
    return (proof.broken for proof in proofs if proof.broken is not None)
