"""Credentials of one's own tools: given from a file or standard input, judged, and never shown."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import build
from contracts.errors import Malformed, PermissionRefused
from contracts.secret import Secret
from embedded.secrets import LocalSecrets, ToolSecret, tool_secrets
from policies.people_file import read_people
from policies.source import Source
from tests.laws.openapi_bank import GIVEN, bank, written
from tools.load import load_tools

PLANTED = "planted-5d1c9a"
BEARER = json.dumps({"type": "bearer", "token": PLANTED})
READ = ToolSecret(tenant="acme", name="bank-read")


class Shelf:
    """Implements what ``LocalSecrets`` needs of the emulator's shelf."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def names(self) -> frozenset[str]:
        return frozenset(self.kept)

    def put(self, name: str, value: Secret) -> None:
        self.kept[name] = value.reveal()


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[LocalSecrets, Shelf]:
    shelf = Shelf()
    monkeypatch.setattr("embedded.secrets.Shelf", lambda *_: shelf)
    return LocalSecrets("http://127.0.0.1:1", tmp_path, "dev"), shelf


def test_every_tenant_needs_every_credential_of_the_tools(tmp_path: Path) -> None:
    """Also the one that a preview reads with."""
    catalogue = load_tools(written(tmp_path, bank()), GIVEN).catalogue
    value = {"people": {"ada": {"tenants": ["acme"]}, "vera": {"tenants": ["acme", "umbra"]}}}
    people, _ = read_people(Source(file="people.yaml", value=value, lines={}))
    assert [secret.path for secret in tool_secrets(catalogue, people)] == [
        "acme/bank-read",
        "acme/bank-write",
        "umbra/bank-read",
        "umbra/bank-write",
    ]


def test_a_credential_is_kept_under_its_tenants_name(local: tuple[LocalSecrets, Shelf]) -> None:
    """What is put is there, and may be put again."""
    secrets, shelf = local
    secrets.put(READ, Secret(BEARER), [READ])
    assert shelf.kept == {"acme/bank-read": BEARER}
    assert secrets.names() == {"acme/bank-read"}


@pytest.mark.parametrize(
    ("secret", "value", "said"),
    [
        (READ, PLANTED, "must be JSON"),
        (READ, json.dumps({"type": "bearer"}), "must be JSON"),
        (READ, json.dumps({"type": "header", "name": "X\n", "value": PLANTED}), "must be JSON"),
        (READ, json.dumps({"type": "header", "name": "Idempotency-Key", "value": PLANTED}), "may not set"),
        (READ, json.dumps({"type": "header", "name": "Host", "value": PLANTED}), "may not set"),
        (ToolSecret(tenant="acme", name="bank-reed"), BEARER, "did you mean `bank-read`?"),
        (ToolSecret(tenant="umbra", name="bank-read"), BEARER, "stands for the tenant umbra"),
        (ToolSecret(tenant="acme", name="ticketing-read"), BEARER, "the embedded helpdesk's own"),
        (ToolSecret(tenant="../keys", name="bank-read"), BEARER, "is no tenant"),
    ],
)
def test_what_is_no_credential_is_kept_nowhere(
    local: tuple[LocalSecrets, Shelf], secret: ToolSecret, value: str, said: str
) -> None:
    """A wrong shape, a header of ours, a name that no tool has: one sentence that quotes no value."""
    secrets, shelf = local
    with pytest.raises(Malformed) as refusal:
        secrets.put(secret, Secret(value), [READ])
    assert said in str(refusal.value)
    assert PLANTED not in str(refusal.value)
    assert shelf.kept == {}


def test_secrets_of_prod_are_not_touched(tmp_path: Path) -> None:
    """This command is for the stack on this machine."""
    with pytest.raises(PermissionRefused, match="secrets of prod"):
        LocalSecrets("http://127.0.0.1:1", tmp_path, "prod")


@pytest.mark.parametrize("value", [BEARER, PLANTED, "", "@/nowhere/secret.json"])
def test_a_value_is_never_an_argument(value: str, tmp_path: Path) -> None:
    """It comes from a file or from standard input; whatever else is wrong use, and is not repeated."""
    arguments = ["secret", "put", "bank-read", "--tenant", "acme", "--state", str(tmp_path), "--value", value]
    outcome = CliRunner().invoke(build(), arguments)
    assert outcome.exit_code == 2
    assert "--value" in outcome.stderr
    assert PLANTED not in outcome.output
