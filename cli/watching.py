"""``interlock run watch``: a run live, and what it waits for."""

from collections.abc import Callable, Mapping
from typing import Any

from cli import output, showing
from cli.client import Gateway, Reach
from cli.following import Event, Following
from cli.timeline import Timeline
from contracts.errors import InterlockError


def watch(reach: Reach, connect: Callable[[], Gateway], run_id: str, *, aside: bool) -> dict[str, Any]:
    """Follow a run to its end; the run as it ended. ``aside``: its lines go to standard error.

    Raises:
        KeyboardInterrupt: the person has seen enough; the run goes on, and was said to.
    """
    timeline = Timeline()
    following = Following(connect=connect, run_id=run_id, complain=output.progress)
    try:
        for event in following.events():
            showing.tell(timeline, event, aside=aside)
            _point(reach, event, aside=aside)
        return connect().get(f"/v1/runs/{run_id}")
    except KeyboardInterrupt:
        output.progress(f"Stopped watching; the run goes on. See it with: interlock run watch {run_id}")
        raise


def _point(reach: Reach, event: Event, *, aside: bool) -> None:
    """Where to decide what the run waits for, as long as it waits."""
    if event.name != "approval" or event.data["outcome"] != "asked":
        return
    if event.data["approval"]["state"] == "waiting":
        for line in ways(reach, event.data["approval"]):
            output.happened("", line, "cyan", aside=aside)


def ways(reach: Reach, approval: Mapping[str, Any]) -> list[str]:
    """How a person decides on this."""
    return [
        f"decide in Slack{_where(reach)}, or with:",
        f"interlock approvals decide {approval['approval_id']} --approve --as NAME",
    ]


def _where(reach: Reach) -> str:
    """Of a local stack, where its Slack is seen in a browser."""
    if reach.gateway is not None:
        return ""
    try:
        return f" ({reach.state.address('slack')})"
    except InterlockError:
        return ""
