"""Secrets of tools that are not the helpdesk's: which are needed, and how the local operator gives them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.secrets import read_credential, secret_id
from contracts.errors import Malformed, PermissionRefused
from contracts.secret import Secret
from contracts.tool import Catalogue
from embedded.aws import plan
from embedded.aws.seed import Shelf
from embedded.aws.server import root_identity
from policies.people import People
from policies.problem import did_you_mean
from tools.session import check_header


@dataclass(frozen=True, kw_only=True, order=True)
class ToolSecret:
    """A credential of a tool, for one tenant."""

    tenant: str
    name: str

    @property
    def path(self) -> str:
        """Below the environment."""
        return plan.tool_secret(self.tenant, self.name)

    def todo(self, state: Path) -> str:
        """What the operator types to give it."""
        put = f"interlock secret put {self.name} --tenant {self.tenant} --value @FILE --state {state}"
        return f"{self.tenant} has no secret {self.name}: {put}"


def tool_secrets(catalogue: Catalogue, people: People) -> tuple[ToolSecret, ...]:
    """Every credential that a tool of the catalogue names, for every tenant of the people file."""
    tools = catalogue.tools.values()
    names = {name for tool in tools for name in (tool.credential, tool.read_credential) if name}
    tenants = people.tenants()
    return tuple(sorted(ToolSecret(tenant=tenant, name=name) for tenant in tenants for name in names))


class LocalSecrets:
    """The embedded stack's secrets, with the emulator's root identity: for the operator here. Blocks."""

    def __init__(self, endpoint: str, state: Path, env: str) -> None:
        """Raises PermissionRefused where the environment is prod."""
        if env == "prod":
            raise PermissionRefused("secrets of prod are kept with AWS's own tools, not by this command")
        self._env = env
        self._shelf = Shelf(root_identity(endpoint, state), env)

    def names(self) -> frozenset[str]:
        """``TENANT/NAME`` of those that are there."""
        return self._shelf.names()

    def put(self, secret: ToolSecret, value: Secret, known: Sequence[ToolSecret]) -> None:
        """Keep a credential that one of the ``known`` tools' secrets asks for.

        Raises:
            Malformed: nothing asks for it, or the value is no credential; the sentence does not quote it.
        """
        scope = secret_id(env=self._env, tenant=secret.tenant, name=secret.name)
        if secret.name in plan.CREDENTIALS:
            raise Malformed(f"{secret.name} is the embedded helpdesk's own: call the tool's secret otherwise")
        if secret not in known:
            raise Malformed(_unknown(secret, known))
        check_header(read_credential(value, scope=scope))
        self._shelf.put(secret.path, value)


def _unknown(secret: ToolSecret, known: Sequence[ToolSecret]) -> str:
    names = {one.name for one in known}
    if secret.name not in names:
        hint = did_you_mean(secret.name, names) or "name it in the tool file, and publish that"
        return f"no tool in force acts with a secret {secret.name}; {hint}"
    return f"no person in force stands for the tenant {secret.tenant}: name it in people.yaml and start again"
