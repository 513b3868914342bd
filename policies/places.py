"""Where the rules of a decision stand, for sentences that say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.load import PolicySet


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places of a policy directory's rules, and of the tools that they are about."""

    policies: PolicySet = field(repr=False)
    #: By tool name: file and line of its entry.
    tools: Mapping[str, tuple[str, int]]
    #: Name of the file that would hold any other tool.
    tools_file: str

    def of(self, route: str, tool: str, rule: str) -> tuple[str, int]:
        """File and line: a rule of the catalogue stands in the tool file, every other in the route's."""
        if rule.startswith("catalogue"):
            return self.tools.get(tool, (self.tools_file, 1))
        return self.policies.rule_place(route, rule) or (f"routes/{route}.yaml", 1)
