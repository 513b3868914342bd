"""How the verbs of ``interlock policy`` name their files: a policy directory, a tool file, an environment."""

from pathlib import Path
from typing import Annotated

import typer

PoliciesOption = Annotated[
    Path | None, typer.Option("--policies", help="Policy directory; the shipped one if not given.")
]
ToolsOption = Annotated[Path | None, typer.Option("--tools", help="Tool file; the shipped one if not given.")]
EnvOption = Annotated[str, typer.Option("--env", help="Environment that the policies are for.")]
