"""``interlock store prune``: removal in bounded transactions, with progress."""

from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.pruning import Pruning
from adapters.store import Store
from cli import output


async def prune(url: str, keep: str, *, actor: str, dry_run: bool) -> tuple[int, int]:
    """How many runs were removed, or would be, and how many as old stay. Raises InterlockError."""
    store = Store(url, NoContents())
    pruning = Pruning(store, SystemClock())
    removed = 0
    try:
        async for done in pruning.rounds(keep, actor=actor, dry_run=dry_run):
            removed += done.removed
            if done.after is not None:
                output.progress(f"{removed} runs …")
        old = await pruning.staying(keep)
    finally:
        await store.close()
    return removed, old - removed if dry_run else old
