"""What is known of an action without its frozen record: whose it was, and where it went."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from contracts.action import Frozen, Preview
from contracts.digest import Json


def bare(row: Row[Any], word: str) -> Json:
    """A frozen record for readers alone: its digest is not the one that was approved, so nothing acts on it.

    ``row`` holds the columns of the action and of its run; ``word`` stands in place of content.
    """
    return asdict(
        Frozen(
            action_id=row.action_id,
            run_id=row.run_id,
            request_id=row.request_id,
            tenant=row.tenant,
            env=row.env,
            route=row.route,
            policy_digest=row.policy_digest,
            catalogue_digest=row.catalogue_digest,
            tool=row.tool,
            tool_version="",
            address="",
            effect=row.effect,
            credential="",
            arguments={},
            target=row.target,
            target_version="",
            idempotency_key=row.idempotency_key,
            key_hash=row.key_hash,
            ordinal=row.ordinal,
            preview=Preview(target=word, changes=(), stakes=word),
            caller=row.caller,
            on_behalf_of=row.on_behalf_of,
            words=word,
        )
    )
