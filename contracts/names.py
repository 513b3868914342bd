"""Names on the wire to Temporal. They outlive any move of modules: histories name them."""

from typing import Final

NAMESPACE: Final = "interlock"

WORKFLOW: Final = "AgentRun"

DEPLOYMENT: Final = "interlock-agent"
"""The agent workers' deployment: its versions are what a run is pinned to."""

AGENT_QUEUE: Final = "agent"
BROKER_QUEUE: Final = "broker"
TOOLS_QUEUE: Final = "tools"

DECIDED: Final = "decided"
"""Signal and update: an approval of this run has a new decision row. Carries a ``Nudge``."""
RESUMED: Final = "resumed"
"""Signal: a kill switch that may hold this run was lifted."""

OPEN: Final = "open_run"
THINK: Final = "think"
READ: Final = "read"
PREPARE: Final = "prepare"
ASK: Final = "ask"
COLLECT: Final = "collect"
WRITE: Final = "write"
ASK_OUTCOME: Final = "ask_outcome"
FINISH: Final = "finish"
OVERHEARD: Final = "overheard"

CAPABILITY_HEADER: Final = "interlock-capability"
"""The Temporal header in which a capability travels to a tool worker, encrypted by the codec."""

SEARCH_TENANT: Final = "InterlockTenant"
SEARCH_ENV: Final = "InterlockEnv"
SEARCH_ROUTE: Final = "InterlockRoute"
SEARCH_STATE: Final = "InterlockState"
