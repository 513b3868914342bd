"""Who may read what in the embedded AWS: names and policies, nothing that acts."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

from adapters import secrets
from adapters.content_keys import FOLDER
from contracts.tokens import Purpose

Statement: TypeAlias = dict[str, Any]

CREDENTIALS: Final[Mapping[str, str]] = {
    "ticketing-read": "read",
    "ticketing-write": "write",
    "mail-write": "mail",
    "refunds-read": "orders",
    "refunds-write": "refund",
}
"""The helpdesk's credentials, and what the helpdesk lets each do."""

PROBE: Final = "ticketing-read"
"""By which the tenants' separation is checked: here every tenant has it, whatever the tools."""


class Role(StrEnum):
    """A process of the stack; ``cli`` is the local operator."""

    GATEWAY = "gateway"
    AGENT = "agent"
    BROKER = "broker"
    TOOLS = "tools"
    BREAK_GLASS = "break-glass"
    CLI = "cli"


#: DESIGN.md, "Who may know what": secrets under ``interlock/<env>/``. Content keys are everybody's.
READS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.GATEWAY: ("keys/warrant", "keys/grant", "keys/payload", "slack/signing-secret", "slack/bot-token"),
    Role.AGENT: ("keys/payload",),
    Role.BROKER: ("keys/capability", "keys/audit-head", "keys/payload", "slack/bot-token"),
    Role.TOOLS: ("keys/frozen", "keys/payload"),
    Role.BREAK_GLASS: ("keys/break-glass", "slack/bot-token"),
    Role.CLI: ("keys/callers", "keys/break-glass-login", "keys/payload"),
}

TAKES: Final[Mapping[Role, str]] = {Role.TOOLS: secrets.TOOLS, Role.BREAK_GLASS: secrets.BREAK_GLASS}
"""Who takes tenants' roles, and of which kind. A role trusts the one user that takes its kind."""


def anchor_bucket(env: str) -> str:
    return f"interlock-{env}-audit-anchors"


def user_name(env: str, role: Role) -> str:
    return f"interlock-{env}-{role.value}"


def key_name(purpose: Purpose) -> str:
    return f"keys/{purpose.value}"


def tool_secret(tenant: str, credential: str) -> str:
    return f"{tenant}/{credential}"


def user_policy(
    role: Role,
    *,
    env: str,
    secret_arns: Iterable[str],
    role_arns: Iterable[str],
    region: str,
    account: str,
) -> str:
    """The user's only policy: its own secrets by ARN, every content key, and what its work needs beside.

    ``role_arns`` are of the tenants' roles that it takes, if it takes any.
    """
    content = f"arn:aws:secretsmanager:{region}:{account}:secret:interlock/{env}/{FOLDER}/*"
    statements = [allow("secretsmanager:GetSecretValue", *secret_arns, content)]
    bucket = f"arn:aws:s3:::{anchor_bucket(env)}"
    if role is Role.BROKER:
        statements.append(allow("s3:PutObject", f"{bucket}/*"))
    elif role is Role.CLI:
        statements += [allow("s3:GetObject", f"{bucket}/*"), allow("s3:ListBucket", bucket)]
    elif role in TAKES:
        statements.append(allow("sts:AssumeRole", *role_arns))
    return document(*statements)


def tenant_policy(*, env: str, tenant: str, region: str, account: str) -> str:
    """What a tenant's role may: read the tenant's secrets."""
    own = f"arn:aws:secretsmanager:{region}:{account}:secret:interlock/{env}/{tenant}/*"
    return document(allow("secretsmanager:GetSecretValue", own))


def tenant_trust(user_arn: str) -> str:
    """Who may take a tenant's role: the tool worker alone, or the break-glass process alone."""
    principal = {"AWS": user_arn}
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})


def allow(action: str, *resources: str) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": sorted(resources)}


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
