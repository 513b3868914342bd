"""Puts a policy directory and a tool file in force: compared, said in words, and all of it at once."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.alerts import alert_id
from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.documents import Key
from adapters.publishing import Note, Publication, Publisher
from adapters.store import Store
from contracts.alert import Alert
from contracts.digest import digest
from contracts.ports import Clock
from policies.change import Change
from policies.diff import diff
from policies.diff_words import audit_rules, audit_text, sentences, severity, title
from policies.load import PolicySet, load
from policies.rule_set import RuleSet
from tools.load import LoadedTools, load_tools


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What would be put in force, and what that changes."""

    publication: Publication
    changes: Sequence[Change]

    @property
    def first(self) -> bool:
        """Nothing was in force before."""
        return not self.publication.instead_of

    @property
    def news(self) -> bool:
        """Whether another document comes into force, or one goes out of it."""
        wanted = {key: digest(document) for key, document in self.publication.documents.items()}
        return wanted != dict(self.publication.instead_of)


class Publishing:
    """Publishing into one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._publisher = Publisher(store, clock)
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def into(cls, store_url: str) -> AsyncIterator["Publishing"]:
        store = Store(store_url, NoContents())
        try:
            yield cls(store, SystemClock())
        finally:
            await store.close()

    async def in_force(self, env: str) -> RuleSet:
        """Raises Refused where a stored document was altered."""
        return RuleSet.read((await self._publisher.in_force(env))[1])

    async def offer(self, policies: PolicySet, tools: LoadedTools, *, env: str, actor: str) -> Offer:
        """Compare it with what is in force. Nothing changes yet."""
        digests, documents = await self._publisher.in_force(env)
        wanted = rule_set(policies, tools)
        changes = diff(RuleSet.read(documents), wanted)
        publication = Publication(
            env=env,
            documents=wanted.documents(),
            instead_of=digests,
            actor=actor,
            notes=_notes({*digests, *wanted.documents()}, changes),
            places=_places(policies, tools),
            alert=_alert(env, actor, changes, self._clock.now_ms()),
        )
        return Offer(publication=publication, changes=changes)

    async def put(self, offer: Offer) -> list[str]:
        """What changed, a line each; nothing where all of it was in force.

        Raises:
            Conflict: what is in force changed since the offer was made; nothing was published.
        """
        alert, now = offer.publication.alert, self._clock.now_ms()
        told = None if alert is None else replace(alert, at_ms=now)
        return await self._publisher.put(replace(offer.publication, alert=told))


async def publish(store_url: str, policies: Path, tools: Path, env: str, actor: str) -> list[str]:
    """Publish what these files say, without asking; what changed, a line each.

    Raises:
        PolicyRefused: the directory has mistakes; nothing was published.
        ToolsRefused: the tool file has.
        Unavailable: the store did not answer.
    """
    loaded = load_tools(tools)
    rules = load(policies, loaded.catalogue, env=env)
    return (await publish_loaded(store_url, rules, loaded, env=env, actor=actor))[0]


async def publish_loaded(
    store_url: str, policies: PolicySet, tools: LoadedTools, *, env: str, actor: str
) -> tuple[list[str], Sequence[Change]]:
    """``publish`` of what was already read and found sound, and the diff in words."""
    async with Publishing.into(store_url) as publishing:
        offer = await publishing.offer(policies, tools, env=env, actor=actor)
        return await publishing.put(offer), offer.changes


def rule_set(policies: PolicySet, tools: LoadedTools) -> RuleSet:
    """The rules of a directory and a tool file."""
    return RuleSet(routes=policies.routes, catalogue=tools.catalogue, people=policies.people)


def _notes(keys: Iterable[Key], changes: Sequence[Change]) -> Mapping[Key, Note]:
    """Routes, ``people`` and ``catalogue`` are what changes are told of."""
    found = {}
    for key in keys:
        own = [change for change in changes if change.subject == key[1]]
        if own:
            found[key] = Note(rules=audit_rules(own), text=audit_text(own))
    return found


def _places(policies: PolicySet, tools: LoadedTools) -> Mapping[str, Mapping[str, tuple[str, int]]]:
    """So that whoever asks why is led to the line of the rule."""
    routes = {digest(route.document()): policies.places[name] for name, route in policies.routes.items()}
    return {tools.catalogue.digest(): tools.places, **routes}


def _alert(env: str, actor: str, changes: Sequence[Change], now_ms: int) -> Alert | None:
    if not changes:
        return None
    return Alert(
        alert_id=alert_id(),
        env=env,
        severity=severity(changes),
        title=title(changes),
        lines=sentences(changes),
        actor=actor,
        at_ms=now_ms,
    )
