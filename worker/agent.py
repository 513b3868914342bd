"""The agent worker: workflows, and the model."""

import os

from activities.think import Thinking
from activities.undoing import Undoing
from adapters.actions import StoreActions
from adapters.first_version import first_version
from adapters.models.clients import endpoints
from adapters.models.models import Models
from adapters.models.providers import Providers
from adapters.switches import StoreSwitches
from adapters.turns import StoreTurns
from contracts import names
from worker.parts import Parts, Role
from worker.version import pinned, workflow_version
from workflows.agent_run import AgentRun
from workflows.stranger import Stranger


async def agent(parts: Parts) -> Role:
    thinking = Thinking(
        warrants=parts.warrants(executions=True),
        documents=parts.documents,
        runs=parts.runs,
        turns=StoreTurns(parts.store, parts.clock),
        switches=StoreSwitches(parts.store, parts.clock),
        model=Models(Providers(endpoints(os.environ))),
        undoing=Undoing(verifier=parts.verifier, actions=StoreActions(parts.store, parts.clock)),
        clock=parts.clock,
    )
    version = workflow_version(parts.settings.build)
    return Role(
        queue=names.AGENT_QUEUE,
        client=parts.client,
        activities=[thinking.think],
        attempts=parts.attempts(),
        workflows=[AgentRun, Stranger],
        deployment=pinned(version),
        beside=[lambda: first_version(parts.client, version)],
    )
