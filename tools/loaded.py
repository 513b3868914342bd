"""A policy directory and the tool file that it is about, read and found sound together."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

from contracts.errors import Malformed
from policies.load import PolicySet, load
from policies.places import Places
from tools.load import LoadedTools, load_tools


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A policy directory and the tools that it is about."""

    directory: Path
    tools_file: Path
    policies: PolicySet
    tools: LoadedTools

    @classmethod
    def read(cls, policies: Path | None, tools: Path | None, env: str) -> Self:
        """Those that ship with Interlock where none are named.

        Raises:
            InterlockError: with everything that is wrong, each with its file and line.
        """
        directory = policies or Path(str(files("policies").joinpath("shipped")))
        file = tools or Path(str(files("tools").joinpath("helpdesk.yaml")))
        if not directory.is_dir():
            raise Malformed(f"{directory} is no directory: a policy directory has routes/ and people.yaml")
        if not file.is_file():
            raise Malformed(f"{file} is no file: a tool file is one such as tools/helpdesk.yaml")
        loaded = load_tools(file)
        rules = load(directory, loaded.catalogue, env=env)
        return cls(directory=directory, tools_file=file, policies=rules, tools=loaded)

    @property
    def places(self) -> Places:
        return Places(policies=self.policies, tools=self.tools.places, tools_file=self.tools_file.name)
