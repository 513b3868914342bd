"""Laws of content at rest: who can open it, where, and what is left when its key is gone."""

import ast
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.contents import (
    FRESH_SECONDS,
    KEPT_SECONDS,
    MISS_SECONDS,
    Contents,
    NoContents,
    Place,
    opened,
    require_key,
    sealed,
)
from adapters.rings import LEAD_SECONDS, Ring, grown, new_key, ring_of
from adapters.store import Store
from contracts.errors import Malformed, PermissionRefused, Unavailable
from contracts.secret import Secret

START = 1_800_000_000.0
PLACE = Place(tenant="acme", env="dev", column="runs.input", row="run_1")
TEXT = '{"ticket_id":"T-18421"}'
ROOT = Path(__file__).parents[2]

Work = Callable[[AsyncConnection], str | None]


@dataclass(kw_only=True)
class Vault:
    """Implements ``ContentKeys`` with secrets that a test changes, and the clock of who reads them."""

    secrets: dict[str, Secret] = field(default_factory=dict)
    seconds: float = 0.0
    reads: int = 0
    away: bool = False

    async def ring(self, tenant: str, env: str) -> Ring:  # noqa: ARG002  one environment is enough here
        self.reads += 1
        if self.away:
            raise Unavailable("AWS did not answer")
        return Ring.read(self.secrets[tenant])

    def rotate(self, tenant: str = "acme", lead: float = LEAD_SECONDS) -> None:
        self.secrets[tenant] = grown(self.secrets[tenant], START + self.seconds + lead)

    def forget(self, tenant: str = "acme") -> None:
        self.secrets[tenant] = ring_of()


class Process:
    """A store with keys of its own at hand, on the vault's clock."""

    def __init__(self, vault: Vault) -> None:
        self.store = Store("sqlite+aiosqlite://", vault)
        self.store._contents = Contents(
            vault, now=lambda: START + vault.seconds, passed=lambda: vault.seconds
        )

    async def do(self, work: Work) -> str | None:
        async def worked(connection: AsyncConnection) -> str | None:
            return work(connection)

        return await self.store.look(worked)

    async def seal(self, text: str = TEXT, place: Place = PLACE) -> str:
        found = await self.do(lambda connection: sealed(connection, place, text))
        assert found is not None
        return found

    async def open(self, stored: str, place: Place = PLACE) -> str | None:
        return await self.do(lambda connection: opened(connection, place, stored))


@pytest.fixture
def vault() -> Vault:
    return Vault(secrets={"acme": ring_of((new_key(), 0)), "globex": ring_of((new_key(), 0))})


@pytest.fixture
async def process(vault: Vault) -> AsyncIterator[Process]:
    made = Process(vault)
    yield made
    await made.store.close()


@pytest.fixture
async def other(vault: Vault) -> AsyncIterator[Process]:
    made = Process(vault)
    yield made
    await made.store.close()


async def test_what_is_sealed_opens_in_its_place(process: Process) -> None:
    """Nothing of a text stands in what is kept, the same text is never kept alike, and it reads as it was."""
    first, second = await process.seal(), await process.seal()
    assert "T-18421" not in first
    assert first != second
    assert await process.open(first) == await process.open(second) == TEXT


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, row="run_2"),
        replace(PLACE, column="runs.result"),
        replace(PLACE, env="prod"),
        replace(PLACE, tenant="globex"),
    ],
)
async def test_a_value_that_was_moved_does_not_open(process: Process, vault: Vault, elsewhere: Place) -> None:
    """In another row, column, environment or tenant a value is refused, even where the key is the same."""
    vault.secrets["globex"] = vault.secrets["acme"]
    with pytest.raises(Malformed):
        await process.open(await process.seal(), elsewhere)


async def test_a_value_that_was_altered_does_not_open(process: Process) -> None:
    """A changed character is refused, not read."""
    stored = await process.seal()
    middle = len(stored) // 2
    changed = "A" if stored[middle] != "A" else "B"
    with pytest.raises(Malformed):
        await process.open(stored[:middle] + changed + stored[middle + 1 :])


@pytest.mark.parametrize("text", [TEXT, "", "Close it.", "sealed:1:", "sealed:1:deadbeef:short", "[]"])
async def test_what_an_earlier_version_wrote_still_reads(process: Process, text: str) -> None:
    """A value without the mark is read as it stands; no migration has to come first."""
    assert await process.open(text) == text


async def test_a_forgotten_tenants_content_is_gone_and_the_others_is_not(
    process: Process, other: Process, vault: Vault
) -> None:
    """Once the key is deleted nobody opens what it sealed; a process that had it lets go in a minute."""
    acme, globex = await process.seal(), await process.seal(place=replace(PLACE, tenant="globex"))
    vault.forget()
    assert await other.open(acme) is None
    vault.seconds = FRESH_SECONDS
    assert await process.open(acme) is None
    assert await process.open(globex, replace(PLACE, tenant="globex")) == TEXT


async def test_without_a_key_nothing_is_kept(process: Process, vault: Vault) -> None:
    """What happens to a forgotten tenant's run is written down without its content, never in the clear."""
    vault.forget()
    stored = await process.seal()
    assert "T-18421" not in stored
    assert await process.open(stored) is None


async def test_a_forgotten_tenant_starts_nothing_until_a_new_key_is_in_force(
    process: Process, vault: Vault
) -> None:
    """Refused with a sentence that says what to do; a new key counts from its time on, for new content."""
    old = await process.seal()
    vault.forget()
    vault.seconds = FRESH_SECONDS

    async def required() -> None:
        await process.do(lambda connection: require_key(connection, "acme", "dev"))

    with pytest.raises(PermissionRefused, match="secret rotate"):
        await required()
    vault.rotate()
    vault.seconds += FRESH_SECONDS
    with pytest.raises(PermissionRefused):
        await required()
    vault.seconds += LEAD_SECONDS
    await required()
    assert await process.open(await process.seal()) == TEXT
    assert await process.open(old) is None


async def test_a_new_key_is_at_hand_everywhere_before_it_seals(
    process: Process, other: Process, vault: Vault
) -> None:
    """A process that uses its ring has read a new key before anybody seals with it."""
    first = await process.seal()
    await other.open(first)
    vault.rotate()
    vault.seconds = FRESH_SECONDS
    assert await other.open(await process.seal()) == TEXT
    vault.seconds = 2 * FRESH_SECONDS
    await other.open(first)
    assert LEAD_SECONDS >= 2 * FRESH_SECONDS
    vault.seconds = LEAD_SECONDS
    second = await process.seal()
    assert second.split(":")[2] != first.split(":")[2]
    assert await other.open(second) == TEXT


async def test_a_key_that_was_missed_is_looked_up_before_anything_counts_as_forgotten(
    process: Process, other: Process, vault: Vault
) -> None:
    """A ring that lacks a key is read again first, and while AWS is away the answer is no "forgotten"."""
    await other.open(await other.seal())
    vault.rotate(lead=0)
    vault.seconds = MISS_SECONDS
    stored = await process.seal()
    vault.away = True
    with pytest.raises(Unavailable):
        await other.open(stored)
    vault.away = False
    assert await other.open(stored) == TEXT


async def test_rings_at_hand_serve_while_aws_is_away_for_a_while(process: Process, vault: Vault) -> None:
    """Minutes without AWS hold nothing up; after a quarter of an hour a deleted key must not linger."""
    stored = await process.seal()
    vault.away, vault.seconds = True, KEPT_SECONDS - 1
    assert await process.open(stored) == TEXT
    reads = vault.reads
    assert await process.open(stored) == TEXT
    assert vault.reads == reads
    vault.seconds = KEPT_SECONDS + 20
    with pytest.raises(Unavailable):
        await process.open(stored)


async def test_keys_are_fetched_while_no_transaction_is_open(process: Process, vault: Vault) -> None:
    """Work that lacks a key is broken off, its writes with it, and done again from the start."""
    seen: list[str] = []

    async def work(connection: AsyncConnection) -> str:
        await connection.exec_driver_sql("CREATE TABLE t (text)")
        seen.append("began")
        return sealed(connection, PLACE, TEXT)

    async def reading(tenant: str, env: str) -> Ring:  # noqa: ARG001  the port's
        assert process.store._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        return Ring.read(vault.secrets[tenant])

    vault.ring = reading  # type: ignore[method-assign]  # looks at the store while the key is on its way
    assert await process.open(await process.store.write(work)) == TEXT
    assert seen == ["began", "began"]


async def test_a_plain_reading_opens_no_content(process: Process) -> None:
    """Where nothing could fetch a key and begin again, opening is a mistake that every test of it sees."""
    stored = await process.seal()
    async with process.store.read() as connection:
        with pytest.raises(TypeError, match=r"Store\.look"):
            opened(connection, PLACE, stored)


async def test_who_has_no_keys_reads_no_content() -> None:
    """Verbs that need no content get no keys, and are refused in a sentence where they meet some."""
    store = Store("sqlite+aiosqlite://", NoContents())

    async def work(connection: AsyncConnection) -> str:
        return sealed(connection, PLACE, TEXT)

    with pytest.raises(PermissionRefused, match="no keys"):
        await store.look(work)
    await store.close()


def test_every_composition_root_passes_real_keys() -> None:
    """Who serves or restores opens the store with the tenants' keys; all else says that it has none."""
    with_keys = {"gateway/build.py", "worker/parts.py", "cli/store.py", "cli/policy_replay.py"}
    without = {
        "cli/doctor.py",
        "cli/keys.py",
        "cli/proving.py",
        "cli/pruning.py",
        "cli/secrets.py",
        "embedded/publish.py",
    }
    rooms = ("adapters", "cli", "embedded", "gateway", "worker", "activities", "tools")
    made = {
        str(path.relative_to(ROOT)): sorted(set(keys))
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if (keys := [ast.unparse(call.args[1]) for call in _stores(path)])
    }
    assert {path for path, keys in made.items() if keys != ["NoContents()"]} == with_keys
    assert {path for path, keys in made.items() if keys == ["NoContents()"]} == without
    assert made["gateway/build.py"] == made["worker/parts.py"] == ["TenantContentKeys(keys)"]
    assert made["cli/store.py"] == ["keys"]


def _stores(path: Path) -> list[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return [call for call in calls if ast.unparse(call.func) == "Store" and len(call.args) == 2]
