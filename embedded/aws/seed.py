"""Brings the plan about in the emulator: secrets, users, roles, bucket, files. Again changes nothing."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.content_keys import content_secret
from adapters.keys import AwsIdentity, read_private, ring_entry
from adapters.rings import new_key, ring_of
from adapters.secrets import role_name, secret_id
from contracts.errors import Conflict
from contracts.secret import Secret
from contracts.tokens import Purpose
from embedded.aws import plan
from embedded.aws.files import read_json, write_json
from embedded.aws.server import REGION, root_identity

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

TENANTS: Final = ("acme", "globex", "initech")
"""The helpdesk's."""

KEYRING: Final = "keyring.json"
"""Public keys of the agent runtime, and none of break-glass: it verifies nothing of that."""
BREAK_GLASS_KEYRING: Final = "break-glass-keyring.json"
"""Those of break-glass, and no other: it verifies nothing of the agents'."""

_POLICY: Final = "own"


@dataclass(frozen=True, kw_only=True)
class ToolToken:
    """What a tool's service needs of a tenant's token to recognise it."""

    tenant: str
    #: What the helpdesk lets it do: a value of ``plan.CREDENTIALS``.
    scope: str
    #: Hex.
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Seeded:
    """What the stand-ins of the outside world are told."""

    tool_tokens: tuple[ToolToken, ...]
    #: Names of every secret below the environment.
    names: frozenset[str]
    slack_signing_secret: Secret
    slack_bot_token: Secret


def seed(endpoint: str, state_dir: Path, env: str = "dev", tenants: Sequence[str] = TENANTS) -> Seeded:
    """Seed the emulator at ``endpoint`` and write the identities and the key rings. Blocks.

    Raises:
        Conflict: a key ring of the state directory is of other keys than the emulator's.
        Malformed: a tenant's or the environment's name.
    """
    root = root_identity(endpoint, state_dir)
    shelf = Shelf(root, env)
    for name, make in _wanted(env, tenants).items():
        shelf.ensure(name, make)
    _write_ring(shelf, state_dir / KEYRING, [purpose for purpose in Purpose if purpose.of_agents])
    _write_ring(shelf, state_dir / BREAK_GLASS_KEYRING, [one for one in Purpose if not one.of_agents])
    _ensure_bucket(root, plan.anchor_bucket(env))
    _ensure_people(root.iam(), shelf, state_dir, endpoint=endpoint, env=env, tenants=tenants)
    return Seeded(
        tool_tokens=tuple(
            _tool_token(shelf, tenant, name) for tenant in tenants for name in plan.CREDENTIALS
        ),
        names=shelf.names(),
        slack_signing_secret=shelf.read("slack/signing-secret"),
        slack_bot_token=shelf.read("slack/bot-token"),
    )


class Shelf:
    """The secrets under ``interlock/<env>/``. What is there stays; what is missing is made."""

    def __init__(self, root: AwsIdentity, env: str) -> None:
        self._client = root.secrets_manager()
        self._prefix = f"interlock/{env}/"
        pages = self._client.get_paginator("list_secrets").paginate()
        self._arns = {found["Name"]: found["ARN"] for page in pages for found in page["SecretList"]}

    def names(self) -> frozenset[str]:
        """All of them, without the environment."""
        own = (name for name in self._arns if name.startswith(self._prefix))
        return frozenset(name.removeprefix(self._prefix) for name in own)

    def put(self, name: str, value: Secret) -> None:
        """Make it, or give it another value."""
        self.ensure(name, value.reveal)
        self._client.put_secret_value(SecretId=self.arn(name), SecretString=value.reveal())

    def replace(self, name: str, value: Secret) -> None:
        """Delete it with every version that it had, and put this in its place."""
        self._client.delete_secret(SecretId=self.arn(name), ForceDeleteWithoutRecovery=True)
        del self._arns[self._prefix + name]
        self.ensure(name, value.reveal)

    def ensure(self, name: str, make: Callable[[], str]) -> None:
        if self._prefix + name not in self._arns:
            created = self._client.create_secret(Name=self._prefix + name, SecretString=make())
            self._arns[self._prefix + name] = created["ARN"]

    def arn(self, name: str) -> str:
        return self._arns[self._prefix + name]

    def read(self, name: str) -> Secret:
        return Secret(self._client.get_secret_value(SecretId=self.arn(name))["SecretString"])


def _wanted(env: str, tenants: Sequence[str]) -> dict[str, Callable[[], str]]:
    """Each secret's name below the environment, and how its value is made the first time."""
    wanted: dict[str, Callable[[], str]] = {plan.key_name(purpose): _new_key for purpose in Purpose}
    wanted["keys/payload"] = new_key
    wanted["slack/signing-secret"] = lambda: secrets.token_hex(16)
    wanted["slack/bot-token"] = lambda: f"xoxb-{secrets.token_urlsafe(32)}"
    for tenant in tenants:
        wanted[content_secret(tenant)] = _new_ring
        for name in plan.CREDENTIALS:
            secret_id(env=env, tenant=tenant, name=name)
            wanted[plan.tool_secret(tenant, name)] = _new_token
    return wanted


def _new_ring() -> str:
    return ring_of((new_key(), 0)).reveal()


def _new_key() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def _new_token() -> str:
    return json.dumps({"type": "bearer", "token": secrets.token_urlsafe(32)})


def _write_ring(shelf: Shelf, path: Path, purposes: Iterable[Purpose]) -> None:
    """The public halves. A ring of other keys is never replaced: what the old ones signed would be lost."""
    keys = {purpose: read_private(shelf.read(plan.key_name(purpose)), purpose) for purpose in purposes}
    ring = {"keys": [ring_entry(purpose, key.public_key()) for purpose, key in keys.items()]}
    if (read_json(path) or ring) != ring:
        raise Conflict(
            f"{path} is of other keys than the AWS emulator has: its state was lost; start again with --reset"
        )
    write_json(path, ring)


def _tool_token(shelf: Shelf, tenant: str, name: str) -> ToolToken:
    token = json.loads(shelf.read(plan.tool_secret(tenant, name)).reveal())["token"]
    return ToolToken(
        tenant=tenant, scope=plan.CREDENTIALS[name], sha256=hashlib.sha256(token.encode()).hexdigest()
    )


def _ensure_bucket(root: AwsIdentity, bucket: str) -> None:
    client = root.s3()
    if bucket not in {found["Name"] for found in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)


def _ensure_people(
    iam: "IAMClient", shelf: Shelf, state_dir: Path, *, endpoint: str, env: str, tenants: Sequence[str]
) -> None:
    """Users with policy and key, and the tenants' roles. Policies are put again: a plan may change."""
    users = {role: _ensure_user(iam, plan.user_name(env, role)) for role in plan.Role}
    account = users[plan.Role.TOOLS].split(":")[4]
    for role in plan.Role:
        name = plan.user_name(env, role)
        arns = [shelf.arn(secret) for secret in plan.READS[role]]
        takes = [_tenants_role(role, env, tenant) for tenant in tenants] if role in plan.TAKES else []
        role_arns = [f"arn:aws:iam::{account}:role/{taken}" for taken in takes]
        policy = plan.user_policy(
            role, env=env, secret_arns=arns, role_arns=role_arns, region=REGION, account=account
        )
        iam.put_user_policy(UserName=name, PolicyName=_POLICY, PolicyDocument=policy)
        _ensure_access_key(iam, name, state_dir / "aws" / f"{role.value}.json", endpoint)
    for tenant, role in product(tenants, plan.TAKES):
        name = _tenants_role(role, env, tenant)
        _ensure_role(iam, name, plan.tenant_trust(users[role]))
        own = plan.tenant_policy(env=env, tenant=tenant, region=REGION, account=account)
        iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=own)


def _tenants_role(taker: plan.Role, env: str, tenant: str) -> str:
    return role_name(env=env, tenant=tenant, role=plan.TAKES[taker])


def _ensure_user(iam: "IAMClient", name: str) -> str:
    try:
        return iam.get_user(UserName=name)["User"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        return iam.create_user(UserName=name)["User"]["Arn"]


def _ensure_role(iam: "IAMClient", name: str, trust: str) -> None:
    try:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    except iam.exceptions.NoSuchEntityException:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)


def _ensure_access_key(iam: "IAMClient", user: str, path: Path, endpoint: str) -> None:
    """The user's one access key is the one in its file; any other is deleted."""
    identity: dict[str, Any] = read_json(path) or {}
    active = [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]
    for stray in set(active) - {identity.get("access_key_id")}:
        iam.delete_access_key(UserName=user, AccessKeyId=stray)
    if identity.get("access_key_id") not in active:
        made = iam.create_access_key(UserName=user)["AccessKey"]
        identity = {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    write_json(path, {**identity, "region": REGION, "endpoint_url": endpoint})
