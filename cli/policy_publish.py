"""``interlock policy publish``: check, try the cases, show what changes, ask, and put it in force."""

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from cli import output
from cli.options import JsonOption, StateOption, named_operator
from cli.policy_files import EnvOption, PoliciesOption, ToolsOption
from cli.policy_showing import show, shown
from cli.state import State
from contracts.errors import Refused
from embedded.publish import Offer, Publishing
from policies.diff import may_widen
from policies.trial import tried
from tools.loaded import Loaded

_WORD: Final = "wider"
"""What a person types who means it."""


def publish(
    policies: PoliciesOption = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for machines.")] = False,
    allow_wider: Annotated[
        bool, typer.Option("--allow-wider", help="Even if something gets wider, or may have.")
    ] = False,
    threshold: Annotated[
        int, typer.Option(min=0, max=100, help="Percent of each route's rules that cases have to cover.")
    ] = 0,
    operator: Annotated[str, typer.Option("--as", help="Who says so, such as op:ada; audited.")] = "op:local",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put routes, people and tools into force, all at once, for runs that start from now on.

    Before that it checks the files, tries every case, and shows in words what gets wider, narrower or
    sideways than what is in force. Running runs lose what is no longer allowed, and gain nothing. It is
    audited, and told in the channel of alerts.

    Example: interlock policy publish --policies ./my-policies --tools ./my-tools.yaml --yes
    """
    loaded, actor = Loaded.read(policies, tools, env), named_operator(operator)
    _tried(loaded, threshold)
    consent = _Consent(yes=yes, allow_wider=allow_wider, machine=as_json or not sys.stdin.isatty())
    changed, offer = asyncio.run(_published(loaded, State.at(state).store_url, env, actor, consent))
    if as_json:
        output.document({"changed": changed, "changes": shown(offer.changes)})
    else:
        output.say("In force: " + (", ".join(changed) if changed else "as before; nothing changed."))


def _tried(loaded: Loaded, threshold: int) -> None:
    """Raises Refused: a case fails, or those of a route cover less than the threshold, in percent."""
    trials = tried(loaded.policies, loaded.tools.catalogue, now_ms=time.time_ns() // 1_000_000)
    failed = [f"{one.case.file}:{one.case.line}: {one.wrong}" for trial in trials for one in trial.failed]
    if failed:
        cases = sum(len(trial.results) for trial in trials)
        raise Refused(f"{len(failed)} of {cases} cases fail:\n" + "\n".join(failed))
    short = [f"{one.route} ({one.coverage.percent}%)" for one in trials if not one.passes(threshold)]
    if short:
        raise Refused(
            f"cases cover less than {threshold}% of the rules of {', '.join(short)};"
            " `interlock policy test` names those that no case shows"
        )


@dataclass(frozen=True, kw_only=True)
class _Consent:
    """What was said beforehand about publishing."""

    yes: bool
    allow_wider: bool
    #: Nobody sits there to be asked.
    machine: bool

    def to(self, offer: Offer) -> None:
        """Ask whoever sits there. Raises Refused where it is not meant, or nobody could say so."""
        wider = may_widen(offer.changes) and not offer.first and not self.allow_wider
        if self.yes and wider:
            raise Refused(
                "something gets wider, or may have, and --yes does not cover that: add --allow-wider"
            )
        if self.yes:
            return
        if self.machine:
            raise Refused("nobody is here to be asked: give --yes, and --allow-wider if something gets wider")
        if wider and typer.prompt(f"Type `{_WORD}` to permit this") != _WORD:
            raise Refused("nothing was published")
        if not wider and not typer.confirm("Publish this?"):
            raise Refused("nothing was published")


async def _published(
    loaded: Loaded, store_url: str, env: str, actor: str, consent: _Consent
) -> tuple[list[str], Offer]:
    async with Publishing.into(store_url) as publishing:
        offer = await publishing.offer(loaded.policies, loaded.tools, env=env, actor=actor)
        if offer.news:
            show(offer.changes, aside=consent.machine)
            consent.to(offer)
        return await publishing.put(offer), offer
