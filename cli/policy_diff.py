"""``interlock policy diff``: what one policy permits that another does not, in words."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from cli import output
from cli.options import JsonOption, StateOption
from cli.policy_files import EnvOption, ToolsOption
from cli.policy_showing import show, shown
from cli.state import State
from embedded.publish import Publishing, rule_set
from policies.change import Change, Direction
from policies.diff import diff as compare
from policies.diff import may_widen
from policies.rule_set import RuleSet
from tools.loaded import Loaded

PUBLISHED: Final = "published"
WIDER: Final = 3
"""Exit status where something got wider, or may have."""


def diff(
    old: Annotated[str, typer.Argument(help="A policy directory, or `published`: what is in force.")],
    new: Annotated[str | None, typer.Argument(help="As OLD. With one argument, OLD is `published`.")] = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="TIME", help="Decide the calls of that time again: 30d, 12h, …"),
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say in words what got wider, narrower or sideways; sideways is what cannot be compared.

    Exit status: 0 where nothing got wider, 3 where something did or may have (sideways counts), 1 and 2 for
    errors. --replay names each recorded call that NEW would decide otherwise; it reads the store with the
    operator's identity, and changes nothing.

    Example: interlock policy diff ./policies --replay 30d
    """
    where = State.at(state)
    first, second = (old, new) if new is not None else (PUBLISHED, old)
    rules = [asyncio.run(_rules(one, tools, env, where)) for one in (first, second)]
    changes = compare(*rules)
    if not as_json:
        show(changes)
    milder = _replay(changes, rules[1], replay, where, env, as_json=as_json)
    raise typer.Exit(WIDER if may_widen(changes) or milder else 0)


def _replay(
    changes: Sequence[Change], rules: RuleSet, window: str | None, state: State, env: str, *, as_json: bool
) -> bool:
    """Say what is left to be said; whether some recorded call would be decided more mildly."""
    if window is None:
        if as_json:
            output.document(_document(changes))
        return False
    # The store and AWS take a second to load, which a diff of two directories has no use for.
    from cli.policy_replay import replayed

    tell = output.progress if as_json else output.say
    found = asyncio.run(replayed(state, rules, env=env, window=window, tell=tell))
    if as_json:
        output.document({**_document(changes), "replay": found.document()})
    else:
        output.say(str(found))
    return found.milder > 0


def _document(changes: Sequence[Change]) -> dict[str, object]:
    counts = {direction.value: sum(one.direction is direction for one in changes) for direction in Direction}
    return {**counts, "changes": shown(changes)}


async def _rules(source: str, tools: Path | None, env: str, state: State) -> RuleSet:
    """Raises InterlockError: the directory has mistakes, or the store does not answer."""
    if source == PUBLISHED:
        async with Publishing.into(state.store_url) as publishing:
            return await publishing.in_force(env)
    loaded = Loaded.read(Path(source), tools, env)
    return rule_set(loaded.policies, loaded.tools)
