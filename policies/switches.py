"""Kill switches: what a scope is, and who may set one. One rule, whatever way a person comes in by."""

from dataclasses import dataclass
from typing import Final

from contracts.approval import Person
from policies.people import EVERY_TENANT

SCOPE: Final = (
    r"^(all|tenant:[a-z0-9][a-z0-9-]{0,62}|route:[a-z0-9][a-z0-9_/-]{0,198}"
    r"|tool:[A-Za-z0-9][A-Za-z0-9_.:/-]{0,198})$"
)
"""``all``, ``tenant:NAME``, ``route:NAME`` or ``tool:NAME``."""

OPERATORS: Final = "operators"
"""The group of the people file whose members stop and resume by a Slack command."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far somebody's word reaches; None: everywhere."""

    tenants: tuple[str, ...] | None
    routes: tuple[str, ...] | None

    def may_set(self, scope: str) -> bool:
        """Nobody stops or resumes more than they reach: a tenant's operator no other tenant's runs."""
        kind, _, name = scope.partition(":")
        if kind == "tenant":
            return self.routes is None and self._has_tenant(name)
        if self.tenants is not None:
            return False
        return self.routes is None or (kind == "route" and name in self.routes)

    def may_see(self, scope: str) -> bool:
        """All but the switches of other tenants."""
        kind, _, name = scope.partition(":")
        return kind != "tenant" or self._has_tenant(name)

    def _has_tenant(self, name: str) -> bool:
        return self.tenants is None or name in self.tenants


def reach_of(person: Person) -> Reach | None:
    """As the people file says it; None: no operator."""
    if OPERATORS not in person.groups:
        return None
    everywhere = EVERY_TENANT in person.tenants
    return Reach(tenants=None if everywhere else person.tenants, routes=person.routes)
