"""Credentials for tools under test, and the scope that fetches them."""

import base64

from contracts.credential import Credential
from contracts.secret import Secret
from contracts.toolbox import Scope
from tests.gates import open_gate

READ_TOKEN, WRITE_TOKEN = "tok-acme-read-5d1c9a", "tok-acme-write-77aae2"
CAPABILITY = "eyJhbGciOiJFZERTQSJ9.eyJwbGFudGVkIjoxfQ.c2lnbmF0dXJl-planted"
PLANTED = (READ_TOKEN, WRITE_TOKEN, CAPABILITY)
SCOPE = Scope(tenant="acme", env="dev", request_id="req_9f2c01ab77e3", token=CAPABILITY, gate=open_gate)


class Vault:
    """Implements ``contracts.ports.Secrets`` over a dictionary."""

    def __init__(self, tokens: dict[str, str], header: str = "Authorization") -> None:
        self.tokens, self.header = tokens, header
        self.asked: list[str] = []

    async def fetch(self, *, tenant: str, env: str, name: str, request_id: str) -> Credential:
        assert request_id == SCOPE.request_id
        self.asked.append(name)
        token = self.tokens[name]
        value = f"Bearer {token}" if self.header == "Authorization" else token
        return Credential(
            scope=f"{env}/{tenant}/{name}", header=self.header, value=Secret(value), token=Secret(token)
        )


def own_vault() -> Vault:
    return Vault({"ticketing-read": READ_TOKEN, "ticketing-write": WRITE_TOKEN})


def clean(*texts: object) -> None:
    for text in map(str, texts):
        for secret in PLANTED:
            assert secret not in text
            assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-2] not in text
