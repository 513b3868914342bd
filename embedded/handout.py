"""Hands each container its own files: ``python -m embedded.handout``, once before the others start.

It seeds the AWS emulator as ``interlock dev`` does, makes the databases' passwords, and puts into each
container's volume what that container may know and nothing else. Again changes nothing.
"""

import argparse
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.logins import RIGHTS, login
from contracts.errors import InterlockError
from embedded.aws.files import read_json, write_json, write_text
from embedded.aws.plan import Role
from embedded.aws.seed import BREAK_GLASS_KEYRING, KEYRING, TENANTS, Seeded, seed
from embedded.aws.server import wait_ready
from embedded.seed import ENV, write_helpdesk_keys, write_slack_config
from policies.load import PolicySet, load
from tools.load import load_tools

#: Logins of databases that are no role's.
_OWNER: Final = "interlock"
_TEMPORAL: Final = "temporal"
#: Read by another image's user, who alone is in that container.
_READABLE: Final = 0o444


@dataclass(frozen=True, kw_only=True)
class Handout:
    """Where files are kept, and under which directory each container's volume is mounted."""

    #: The AWS emulator's state directory.
    state: Path
    volumes: Path

    def passwords(self) -> dict[str, str]:
        """By login; made the first time, kept from then on."""
        path = self.state / "passwords.json"
        kept: Mapping[str, str] = read_json(path) or {}
        wanted = (_TEMPORAL, _OWNER, *map(login, RIGHTS))
        found = {name: kept.get(name) or secrets.token_urlsafe(32) for name in wanted}
        write_json(path, found)
        return found

    def databases(self, passwords: Mapping[str, str]) -> None:
        """Each server its owner's password, and to whoever migrates the store the logins that it makes."""
        write_text(self.volumes / "store-db" / "password", passwords[_OWNER], _READABLE)
        write_text(self.volumes / "temporal-db" / "password", passwords[_TEMPORAL], _READABLE)
        self._pgpass("migrate", _OWNER, passwords)
        logins = {role: passwords[login(role)] for role in RIGHTS}
        write_json(self.volumes / "migrate" / "logins.json", logins)

    def role(self, role: Role, passwords: Mapping[str, str]) -> None:
        """A process that serves: its AWS identity, its public keys, its login's password."""
        self._identity(role, role.value, "aws.json")
        self._ring(role.value, BREAK_GLASS_KEYRING if role is Role.BREAK_GLASS else KEYRING)
        self._pgpass(role.value, login(role.value.replace("-", "_")), passwords)

    def operator(self, passwords: Mapping[str, str]) -> None:
        """The local operator's files, as ``interlock dev`` leaves them in a state directory."""
        self._identity(Role.CLI, "operator", "aws/cli.json")
        for name in (KEYRING, BREAK_GLASS_KEYRING):
            self._ring("operator", name)
        self._pgpass("operator", login("operator"), passwords)

    def stand_ins(self, seeded: Seeded, policies: PolicySet, gateway: str) -> None:
        write_slack_config(self.volumes / "slack", seeded, policies, gateway)
        write_helpdesk_keys(self.volumes / "helpdesk", seeded)

    def _identity(self, role: Role, volume: str, name: str) -> None:
        write_json(self.volumes / volume / name, read_json(self.state / "aws" / f"{role.value}.json"))

    def _ring(self, volume: str, name: str) -> None:
        write_json(self.volumes / volume / name, read_json(self.state / name))

    def _pgpass(self, volume: str, name: str, passwords: Mapping[str, str]) -> None:
        write_text(self.volumes / volume / "pgpass", f"*:*:*:{name}:{passwords[name]}\n")


def hand_out(asked: argparse.Namespace) -> None:
    """Blocks. Raises InterlockError: the emulator does not answer, or policies or tools do not load."""
    tools = load_tools(asked.tools)
    policies = load(asked.policies, tools.catalogue, env=ENV)
    handout = Handout(state=asked.state, volumes=asked.volumes)
    wait_ready(asked.aws)
    seeded = seed(asked.aws, asked.state, env=ENV, tenants=TENANTS)
    passwords = handout.passwords()
    handout.databases(passwords)
    for role in (Role.GATEWAY, Role.AGENT, Role.BROKER, Role.TOOLS, Role.BREAK_GLASS):
        handout.role(role, passwords)
    handout.operator(passwords)
    handout.stand_ins(seeded, policies, asked.gateway)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m embedded.handout", description="Seed the emulators.")
    parser.add_argument("--aws", required=True, help="the AWS emulator's address, as every container has it")
    parser.add_argument("--gateway", required=True, help="the gateway's address, as Slack has it")
    parser.add_argument("--state", type=Path, required=True, help="the AWS emulator's state directory")
    parser.add_argument("--volumes", type=Path, required=True, help="directory of the containers' volumes")
    parser.add_argument("--policies", type=Path, required=True, help="policy directory, for its people")
    parser.add_argument("--tools", type=Path, required=True, help="tool file")
    try:
        hand_out(parser.parse_args())
    except InterlockError as error:
        print(f"handout: {error.sentence}", file=sys.stderr)  # noqa: T201  the sentence is for whoever starts it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
