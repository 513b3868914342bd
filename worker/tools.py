"""The tool worker: the only place with tools' credentials."""

from activities.act import Acting
from activities.guard import Guard
from activities.prepare import Preparing
from activities.undoing import Undoing
from adapters.actions import StoreActions
from adapters.leaving import StoreLeaving
from adapters.ledger import StoreLedger
from adapters.passkeys import WebAuthnVerifier
from adapters.proofs import Proofs
from adapters.run_entry import RunEntry
from adapters.secrets import TenantSecrets
from contracts import names
from contracts.errors import Malformed
from contracts.tokens import Purpose
from tools.load import load_worker_tools
from tools.resolver import Places, SystemResolver
from tools.toolbox import HttpToolbox
from worker.parts import Parts, Role


async def tools(parts: Parts) -> Role:
    settings = parts.settings
    if settings.tools is None:
        raise Malformed("the tool worker needs INTERLOCK_TOOLS, the path of the tool file")
    loaded = load_worker_tools(settings.tools, settings.addresses)
    secrets = TenantSecrets(parts.identity, settings.env)
    await secrets.check_forbidden_read(tenants=settings.tenants, name=settings.probe or loaded.credentials[0])
    places = Places(SystemResolver(), settings.web_hosts)
    toolbox = HttpToolbox(loaded.operations, secrets, loaded.addresses, places=places)
    warrants = parts.warrants(executions=False)
    actions, leaving = StoreActions(parts.store, parts.clock), StoreLeaving(parts.store, parts.clock)
    guard = Guard(verifier=parts.verifier, actions=actions, documents=parts.documents, leaving=leaving)
    proofs = Proofs(verifier=parts.verifier, passkeys=WebAuthnVerifier(settings.pages))
    preparing = Preparing(
        warrants=warrants,
        guard=guard,
        runs=parts.runs,
        actions=actions,
        documents=parts.documents,
        undoing=Undoing(verifier=parts.verifier, actions=actions),
        toolbox=toolbox,
        signer=await parts.signer(Purpose.FROZEN),
        clock=parts.clock,
    )
    acting = Acting(
        warrants=warrants,
        guard=guard,
        runs=parts.runs,
        actions=actions,
        ledger=StoreLedger(parts.store, RunEntry(proofs), parts.clock),
        toolbox=toolbox,
    )
    return Role(
        queue=names.TOOLS_QUEUE,
        client=parts.client,
        activities=[preparing.prepare, acting.read, acting.write],
        attempts=parts.attempts(),
    )
