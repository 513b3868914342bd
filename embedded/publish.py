"""Puts a policy directory and a tool file in force."""

from pathlib import Path

from adapters.clock import SystemClock
from adapters.contents import NoContents
from adapters.documents import StoreDocuments
from adapters.store import Store
from contracts.digest import Json, digest
from policies.load import PolicySet, load
from tools.load import LoadedTools, load_tools


async def publish(store_url: str, policies: Path, tools: Path, env: str, actor: str) -> list[str]:
    """What changed, a line each; nothing where all of it was in force.

    Raises:
        PolicyRefused: the directory has mistakes; nothing was published.
        ToolsRefused: the tool file has.
        Unavailable: the store did not answer.
    """
    loaded = load_tools(tools)
    return await publish_loaded(
        store_url, load(policies, loaded.catalogue, env=env), loaded, env=env, actor=actor
    )


async def publish_loaded(
    store_url: str, policies: PolicySet, tools: LoadedTools, *, env: str, actor: str
) -> list[str]:
    """``publish`` of what was already read and found sound."""
    store = Store(store_url, NoContents())
    try:
        documents = StoreDocuments(store, SystemClock())
        changes = await _publish(documents, _documents(policies, tools), env, actor)
        await _keep_places(documents, policies, tools)
        return changes
    finally:
        await store.close()


def _documents(policies: PolicySet, tools: LoadedTools) -> dict[tuple[str, str], Json]:
    """By kind and name. Routes last: a run pins people and catalogue with its route."""
    return {
        ("people", "people"): policies.people.document(),
        ("catalogue", "catalogue"): tools.catalogue.document(),
        **{("route", name): route.document() for name, route in sorted(policies.routes.items())},
    }


async def _publish(
    documents: StoreDocuments, wanted: dict[tuple[str, str], Json], env: str, actor: str
) -> list[str]:
    changes = []
    for name in sorted(await documents.routes(env)):
        if ("route", name) not in wanted:
            await documents.withdraw(env, "route", name, actor=actor)
            changes.append(f"withdrew route {name}")
    for (kind, name), document in wanted.items():
        identity, changed = await documents.publish(env, kind, name, document, actor=actor)
        if changed:
            changes.append(f"published {kind} {name} as {identity}")
    return changes


async def _keep_places(documents: StoreDocuments, policies: PolicySet, tools: LoadedTools) -> None:
    """So that whoever asks why is led to the line of the rule."""
    await documents.keep_places(tools.catalogue.digest(), tools.places)
    for name, route in policies.routes.items():
        await documents.keep_places(digest(route.document()), policies.places[name])
