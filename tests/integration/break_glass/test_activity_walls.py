"""Every activity of the agents, called with what is break-glass's: refused, and put on record."""

from collections.abc import AsyncIterator
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
import pytest_asyncio
from temporalio.converter import DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.boundary import Boundary
from activities.open import Opening
from activities.overhearing import Overhearing
from adapters.attempts import StoreAttempts
from adapters.keys import SigningKey, thumbprint
from adapters.runs import StoreRuns
from adapters.tokens import JwtSigner
from contracts import names
from contracts.attempts import Attempt, Found
from contracts.errors import TokenRefused
from contracts.run import RunState
from contracts.tokens import Capability, FrozenSeal, Grant, Purpose, Warrant
from contracts.wire import ActionRef, ApprovalRef, Ending, Overheard, RunStart
from tests.held_attempts import HeldAttempts
from tests.integration.test_gateway_world import ENV
from tests.integration.tool_stage import Stage, proposing
from tests.laws.test_attempts import SESSION, VALUES
from tests.sqlite import sqlite

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOOLS = [names.READ, names.PREPARE, names.WRITE]


class Executes(ActivityInboundInterceptor):
    """The innermost one."""

    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  the SDK's name
        return await input.fn(*input.args)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One for all: whatever is refused changes nothing."""
    store_url = sqlite(tmp_path_factory.mktemp("stage"))
    async with proposing(store_url, "ticket.close") as found:
        yield found


def activities(stage: Stage, attempts: HeldAttempts) -> dict[str, Any]:
    """By name, over the real store; with what holds a value for each."""
    acting, preparing, asking = stage._acting(), stage._preparing(), stage._asking()
    runs = StoreRuns(stage.world.stores["broker"], stage.world.clock)
    opening = Opening(warrants=asking.warrants, runs=runs, mint=asking.mint)
    overhearing = Overhearing(attempts=attempts)
    return {
        names.OPEN: (opening.open_run, lambda value: RunStart(warrant=value)),
        names.FINISH: (opening.finish, lambda value: Ending(state=RunState.FAILED, text=value)),
        names.ASK: (asking.ask, lambda value: ActionRef(action_id=value)),
        names.ASK_OUTCOME: (asking.ask_outcome, lambda value: ActionRef(action_id=value)),
        names.COLLECT: (asking.collect, lambda value: ApprovalRef(approval_id=value)),
        names.READ: (acting.read, lambda value: ActionRef(action_id=value)),
        names.PREPARE: (preparing.prepare, lambda value: ActionRef(action_id=value)),
        names.WRITE: (acting.write, lambda value: ActionRef(action_id=value)),
        names.OVERHEARD: (overhearing.overheard, lambda value: Overheard(what=value, way="signal")),
    }


EVERY = [
    *(names.OPEN, names.FINISH, names.ASK, names.ASK_OUTCOME, names.COLLECT),
    *(names.READ, names.PREPARE, names.WRITE, names.OVERHEARD),
]


async def entered(
    stage: Stage,
    name: str,
    *,
    value: str | None = None,
    token: str | None = None,
    workflow_id: str | None = None,
) -> list[Attempt]:
    """Call an activity as its worker does; what was put on record. It must be refused."""
    attempts = HeldAttempts()
    function, argument = activities(stage, attempts)[name]
    inside = ActivityEnvironment()
    own = stage.run.warrant.run_id if workflow_id is None else workflow_id
    inside.info = replace(inside.info, workflow_id=own, activity_type=name)
    headers = {} if token is None else {names.CAPABILITY_HEADER: DefaultPayloadConverter().to_payload(token)}
    given = stage.ref if value is None else argument(value)
    call = ExecuteActivityInput(fn=function, args=[given], executor=None, headers=headers)
    with pytest.raises(ApplicationError) as refusal:
        await inside.run(Boundary(attempts).intercept_activity(Executes()).execute_activity, call)
    assert refusal.value.non_retryable
    assert stage.target.requests == []
    return attempts.held


async def test_every_activity_is_walked() -> None:
    """A new one is added here; the agents' own reads its run in the same way as the broker's."""
    known = {value for key, value in vars(names).items() if key.isupper() and _is_activity(key)}
    assert set(EVERY) | {names.THINK} == known


def _is_activity(key: str) -> bool:
    other = ("NAMESPACE", "WORKFLOW", "DEPLOYMENT", "DECIDED", "RESUMED", "CAPABILITY_HEADER")
    return key not in other and not key.endswith("_QUEUE") and not key.startswith("SEARCH_")


@pytest.mark.parametrize("name", [name for name in EVERY if name != names.FINISH])
@pytest.mark.parametrize(("what", "value"), VALUES.items(), ids=list(VALUES))
async def test_no_argument_of_an_activity_is_break_glass(
    stage: Stage, name: str, what: Found, value: str
) -> None:
    """A token as warrant, a session as an action or approval: refused, and on record by what it is."""
    token = await stage.reads()
    (seen,) = await entered(stage, name, value=value, token=token)
    assert seen.rule == what.rule
    assert what is Found.NAME or value not in seen.reason
    assert seen.reason.endswith(f"the activity {name} of the workflow {stage.run.warrant.run_id}")


@pytest.mark.parametrize("name", [name for name in EVERY if name != names.OVERHEARD])
async def test_a_session_is_no_run_of_any_activity(stage: Stage, name: str) -> None:
    """A workflow whose id is a session's, or a token, is nobody's run."""
    for value in VALUES.values():
        (seen,) = await entered(stage, name, token=await stage.reads(), workflow_id=value)
        assert seen.reason.endswith(f"the activity {name} of the workflow …")


@pytest.mark.parametrize("name", TOOLS)
async def test_what_break_glass_signs_is_no_capability(stage: Stage, name: str) -> None:
    """With its real key, in its own purpose or in the capability's: refused at the tool worker, on record."""
    world, claims = stage.world, await _claims(stage)
    for purpose in (Purpose.BREAK_GLASS, Purpose.BREAK_GLASS_LOGIN):
        (seen,) = await entered(stage, name, token=world.signer.sign(purpose, claims))
        assert seen.rule == "break-glass.token"
        key = world.keys[purpose]
        posing = SigningKey(kid=thumbprint(key.public_key()), purpose=Purpose.CAPABILITY, private=key)
        (seen,) = await entered(stage, name, token=JwtSigner([posing]).sign(Purpose.CAPABILITY, claims))
        assert seen.rule == "token.refused"


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("field", [*(one.name for one in fields(Capability)), "break_glass"])
async def test_no_field_of_a_capability_is_break_glass(stage: Stage, name: str, field: str) -> None:
    """Signed with the real capability key, each field in turn and one more: refused, and on record."""
    claims = await _claims(stage)
    for value in (SESSION, "break-glass"):
        told: Any = [value] if field == "tools" else value
        token = stage.world.signer.sign(Purpose.CAPABILITY, claims | {field: told})
        (seen,) = await entered(stage, name, token=token)
        assert seen.rule == "break-glass.token"


async def test_a_capability_that_ran_out_is_no_attempt(stage: Stage) -> None:
    """It is renewed; any other token that an activity refuses is worth a record."""
    claims = await _claims(stage)
    old = stage.world.signer.sign(Purpose.CAPABILITY, claims | {"exp": 1})
    assert await entered(stage, names.READ, token=old) == []
    (seen,) = await entered(stage, names.READ, token=stage.world.signer.sign(Purpose.WARRANT, claims))
    assert (seen.rule, "this token is not for capability" in seen.reason) == ("token.refused", True)


async def test_a_run_overhears_words_of_ours_alone(stage: Stage) -> None:
    """Whoever calls that activity writes no sentence of their own into the audit."""
    assert await entered(stage, names.OVERHEARD, value="all is well") == []


async def test_the_workers_write_it_with_their_own_logins(store_url: str) -> None:
    """Gateway, agent, broker and tool worker have the right to append to the system's chain."""
    async with proposing(store_url, "ticket.close") as stage:
        for role in ("gateway", "agent", "broker", "tools"):
            attempts = StoreAttempts(stage.world.stores[role], stage.world.clock, ENV)
            await attempts.record(Attempt(rule="token.refused", reason=role))


@pytest.mark.parametrize(
    ("kind", "sound"),
    [
        (Warrant, {"budget": {"steps": 1, "seconds": 1, "usd": "1", "denials": 1}}),
        (Capability, {"tools": []}),
        (Grant, {"assertion": None}),
        (FrozenSeal, {}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
async def test_no_record_of_the_agents_takes_a_field_of_break_glass(kind: Any, sound: dict[str, Any]) -> None:
    """What is signed has the fields that it has: one more, and it is none."""
    claims = {one.name: "x" for one in fields(kind)} | {"undoes": None, "delegation": []} | sound
    known = {name: value for name, value in claims.items() if name in {one.name for one in fields(kind)}}
    kind.read(known)
    for extra in ("break_glass", "session_id", "kind", "opening"):
        with pytest.raises(TokenRefused):
            kind.read({**known, extra: True})


async def _claims(stage: Stage) -> dict[str, Any]:
    """Of the capability of the run's reads."""
    found = stage.world.verifier.verify(Purpose.CAPABILITY, await stage.reads())
    return {name: value for name, value in asdict(Capability.read(found)).items() if value is not None}
