"""The toolbox over the shipped tools, and actions as the guard would freeze them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import tools
from contracts.action import Frozen, Prepared
from contracts.tool import ToolSpec
from tests.frozen import frozen
from tests.integration.toolbox.vault import SCOPE, Vault, own_vault
from tools.armed import ArmedWrite
from tools.load import load_tools
from tools.toolbox import HttpToolbox

LOADED = load_tools(Path(tools.__file__).with_name("helpdesk.yaml"))
SPECS = LOADED.catalogue.tools
CLOSE = {"ticket_id": "T-18421", "reason": "Resolved by the customer.", "resolution_article": "KB-12"}


def toolbox(url: str, vault: Vault | None = None) -> HttpToolbox:
    return HttpToolbox(LOADED.operations, vault or own_vault(), {"helpdesk": url})


def spec_of(name: str, timeout: int = 20) -> ToolSpec:
    return replace(SPECS[name], timeout=timeout)


async def close_frozen(box: HttpToolbox, arguments: dict[str, Any], key: str = "") -> Frozen:
    return await freeze(box, SPECS["ticket.close"], arguments, arguments["ticket_id"], key)


async def freeze(
    box: HttpToolbox, spec: ToolSpec, arguments: dict[str, Any], target: str, key: str = ""
) -> Frozen:
    """The action as the guard would freeze it."""
    prepared = await box.prepare(spec, arguments, SCOPE)
    assert isinstance(prepared, Prepared), prepared
    return frozen(
        spec,
        tenant=SCOPE.tenant,
        env=SCOPE.env,
        request_id=SCOPE.request_id,
        arguments=arguments,
        target=target,
        target_version=prepared.version,
        idempotency_key=key or f"{SCOPE.request_id}:{spec.name}:{target}",
        preview=prepared.preview,
    )


async def arm_close(url: str, timeout: int = 20, vault: Vault | None = None) -> ArmedWrite:
    box = toolbox(url, vault)
    return await box.arm(spec_of("ticket.close", timeout), await close_frozen(box, CLOSE), SCOPE)
