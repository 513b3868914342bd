"""A run on the screen: its head, its timeline and what came of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from cli import output, words
from cli.client import ENDS
from cli.following import Event
from cli.timeline import Timeline, head


def show(run: Mapping[str, Any], events: Iterable[Event]) -> None:
    """The whole of a run as it is now."""
    output.heading(f"Run {run['run_id']}")
    output.facts(head(run))
    output.say("")
    timeline = Timeline()
    for event in events:
        tell(timeline, event)
    result(run)
    if run["state"] not in ENDS:
        offer(run)


def tell(timeline: Timeline, event: Event, *, aside: bool = False) -> None:
    """One event, in lines."""
    for line in timeline.lines(event.name, event.data):
        output.happened(words.clock(line.at), line.text, line.style, aside=aside)


def result(run: Mapping[str, Any]) -> None:
    """What an ended run leaves: its text and its artifacts."""
    found = run["result"]
    if run["state"] not in ENDS or not found:
        return
    offer(run)
    if found["text"]:
        output.say("")
        output.say(found["text"])
    for artifact in found["artifacts"]:
        output.say("")
        output.heading(f"Artifact: {_title(artifact)}")
        for name, value in _named(artifact):
            output.say(f"{name}: {value}")


def offer(run: Mapping[str, Any]) -> None:
    """What the run wrote, and how that is undone."""
    written = [action for action in run["actions"] if _wrote(action)]
    if not written:
        return
    output.say("")
    output.heading("Written")
    for action in written:
        output.say(f"{action['idempotency_key']}: {_undo(action)}")
    if any(_open(action) for action in written):
        after = "" if run["state"] in ENDS else ", once it has ended"
        output.say(f"To undo it{after}: interlock run undo {run['run_id']}")


def _wrote(action: Mapping[str, Any]) -> bool:
    return action["action_digest"] is not None and action["outcome"] in ("succeeded", "unknown")


def _open(action: Mapping[str, Any]) -> bool:
    """Whether it can be undone and nobody is at it."""
    undo = action.get("undo")
    return action["outcome"] == "succeeded" and undo is not None and undo["run_id"] is None


def _undo(action: Mapping[str, Any]) -> str:
    undo = action.get("undo")
    if action["outcome"] == "unknown":
        return "nobody knows yet whether it happened"
    if undo is None:
        return "nothing undoes it"
    if undo["run_id"] is None:
        return f"{undo['tool']} undoes it"
    return f"{'undone' if undo['done'] else 'being undone'} by run {undo['run_id']}"


def _title(artifact: Any) -> str:
    """``email of email.draft`` where the artifact says its kind and its action."""
    if not isinstance(artifact, dict) or not isinstance(artifact.get("action"), dict):
        return "data"
    return f"{artifact.get('kind', 'data')} of {artifact['action'].get('tool', 'a tool')}"


def _named(artifact: Any) -> Iterable[tuple[str, Any]]:
    content = artifact.get("content", artifact) if isinstance(artifact, dict) else artifact
    return content.items() if isinstance(content, dict) else [("content", content)]
