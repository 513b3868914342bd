"""Tenant credentials from AWS Secrets Manager, each fetched with the tenant's own role.

Two locks, not one. The role ``interlock-<env>-<tenant>-tools`` reads its tenant's secrets only, whatever this
code asks for; the session policy narrows each session to the one secret that is wanted. A bug that names the
wrong tenant in the policy is refused by the role. The break-glass process has roles of its own: they trust it
alone, as the tools' roles trust the tool worker alone.
"""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from botocore.exceptions import ClientError

from adapters.keys import AwsIdentity, answer
from contracts.credential import Credential
from contracts.errors import Malformed, PermissionRefused, Refused
from contracts.secret import Secret

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# A hyphen would let two pairs of environment and tenant share a role's name.
_ENV: Final = re.compile(r"[a-z0-9]{1,16}")
# Beside the tenants' folders lie these, which are no tenant's.
_RESERVED: Final = frozenset({"keys", "slack", "content"})
_REQUEST: Final = re.compile(r"[A-Za-z0-9_=,.@-]{2,64}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_LONGEST_ROLE: Final = 64
_SESSION_SECONDS: Final = 900

TOOLS: Final = "tools"
BREAK_GLASS: Final = "break-glass"


@dataclass(frozen=True, kw_only=True)
class _Process:
    """Who takes the tenants' roles of one kind, and what it must not reach."""

    called: str
    #: A key below ``keys/`` that is none of its own.
    foreign_key: str
    #: The other process's kind of roles.
    foreign_role: str


_PROCESSES: Final = {
    TOOLS: _Process(called="the tool worker", foreign_key=BREAK_GLASS, foreign_role=BREAK_GLASS),
    BREAK_GLASS: _Process(called="the break-glass process", foreign_key="frozen", foreign_role=TOOLS),
}


class SeparationBroken(Refused):
    """AWS let this process, or a tenant's role, have what it must not: do not serve."""


def secret_id(*, env: str, tenant: str, name: str) -> str:
    """``interlock/dev/acme/ticketing-write``; raises Malformed where a part could reach elsewhere."""
    if not _NAME.fullmatch(name):
        raise Malformed(f"{name!r} is no name of a credential: use lower-case letters, digits and hyphens")
    return f"interlock/{_checked_env(env)}/{_checked_tenant(tenant)}/{name}"


def role_name(*, env: str, tenant: str, role: str = TOOLS) -> str:
    """``interlock-dev-acme-tools``, or ``…-break-glass``; raises Malformed."""
    name = f"interlock-{_checked_env(env)}-{_checked_tenant(tenant)}-{role}"
    if len(name) > _LONGEST_ROLE:
        raise Malformed(f"the tenant's name {tenant!r} is too long for a role of its own")
    return name


def _checked_env(env: str) -> str:
    if not _ENV.fullmatch(env):
        raise Malformed(f"{env!r} is no environment: use 1 to 16 lower-case letters and digits")
    return env


def _checked_tenant(tenant: str) -> str:
    if not _NAME.fullmatch(tenant) or tenant in _RESERVED:
        raise Malformed(f"{tenant!r} is no tenant: use lower-case letters, digits and hyphens")
    return tenant


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """One secret, under one tenant's role: the same tenant's, except where a refusal is to be seen."""

    role: str
    secret: str


class TenantSecrets:
    """Implements ``contracts.ports.Secrets`` for the environment that this process serves.

    ``role`` is the kind of tenants' roles that it takes: ``tools``, or ``break-glass``.
    """

    def __init__(
        self, identity: AwsIdentity, env: str, *, role: str = TOOLS, cache_seconds: float = 60.0
    ) -> None:
        self._identity = identity
        self._env = _checked_env(env)
        self._role = role
        self._process = _PROCESSES[role]
        #: Names the AWS session of no request.
        self._unasked = f"interlock-{role}"
        self._cache_seconds = cache_seconds
        self._sts = identity.sts()
        self._account = ""
        self._kept: dict[str, tuple[float, Credential]] = {}
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def fetch(self, *, tenant: str, env: str, name: str, request_id: str = "") -> Credential:
        """The tenant's credential, at most ``cache_seconds`` old; ``request_id`` names the AWS session.

        Raises:
            PermissionRefused: another environment's, or AWS refused.
            Malformed: a name that is none, or a secret of another shape.
            Unavailable: AWS did not answer.
        """
        if env != self._env:
            raise PermissionRefused(f"{self._process.called} serves {self._env}, not {env}")
        wanted = _Wanted(
            role=role_name(env=env, tenant=tenant, role=self._role),
            secret=secret_id(env=env, tenant=tenant, name=name),
        )
        async with self._fetching[wanted.secret]:
            until, kept = self._kept.get(wanted.secret, (0.0, None))
            if kept is not None and time.monotonic() < until:
                return kept
            document = await asyncio.to_thread(self._assume_and_read, wanted, request_id)
            credential = read_credential(document, scope=f"{env}/{tenant}/{name}")
            self._kept[wanted.secret] = (time.monotonic() + self._cache_seconds, credential)
            return credential

    async def check_forbidden_read(self, *, tenants: Sequence[str], name: str = "ticketing-read") -> None:
        """Ask AWS for what must be refused, before serving; see that it is.

        Each tenant's role is asked for the next tenant's secret and for a signing key, each time with a
        session policy that allows it; then this process asks without a role, for the secret and for a key
        of another process, and for the tenant's role of the other kind. The tenant's own secret must come,
        so that a refusal proves something.

        Raises:
            SeparationBroken: something was not refused.
            PermissionRefused: a tenant's own secret was refused.
            Unavailable: AWS did not answer, which proves nothing.
        """
        await asyncio.to_thread(self._check_forbidden_read, tuple(tenants), name)

    def _check_forbidden_read(self, tenants: tuple[str, ...], name: str) -> None:
        own = {tenant: secret_id(env=self._env, tenant=tenant, name=name) for tenant in tenants}
        key = f"interlock/{self._env}/keys/warrant"
        for place, (tenant, secret) in enumerate(own.items()):
            role = role_name(env=self._env, tenant=tenant, role=self._role)
            self._assume_and_read(_Wanted(role=role, secret=secret), "")
            following = own[tenants[(place + 1) % len(tenants)]]
            for foreign in {following, key} - {secret}:
                self._must_refuse(_Wanted(role=role, secret=foreign))
            self._must_refuse_directly(secret)
            self._must_not_become(tenant)
        self._must_refuse_directly(f"interlock/{self._env}/keys/{self._process.foreign_key}")

    def _must_refuse(self, wanted: _Wanted) -> None:
        session = self._assume(wanted, "")
        if not _refused(session, wanted.secret):
            raise SeparationBroken(f"{wanted.role} may read {wanted.secret}: correct the role's policy")

    def _must_refuse_directly(self, secret: str) -> None:
        if not _refused(self._identity, secret):
            called = self._process.called
            raise SeparationBroken(f"{called} may read {secret} without a role: correct its policy")

    def _must_not_become(self, tenant: str) -> None:
        """Not the other process's role. AWS says the same no where there is none, which is as good."""
        try:
            role = role_name(env=self._env, tenant=tenant, role=self._process.foreign_role)
        except Malformed:
            # The tenant's name is too long for it: nobody can have made it.
            return
        arn = self._role_arn(role)

        def ask() -> bool:
            try:
                self._sts.assume_role(RoleArn=arn, RoleSessionName=self._unasked)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "AccessDenied":
                    raise
                return True
            return False

        if not answer(f"asking for the role {role}, to be refused", ask):
            raise SeparationBroken(f"{self._process.called} may assume {role}: correct whom the role trusts")

    def _assume_and_read(self, wanted: _Wanted, request_id: str) -> Secret:
        client = self._assume(wanted, request_id).secrets_manager()
        doing = f"reading {wanted.secret} as {wanted.role}"
        return Secret(answer(doing, lambda: client.get_secret_value(SecretId=wanted.secret))["SecretString"])

    def _assume(self, wanted: _Wanted, request_id: str) -> AwsIdentity:
        """A session of the role that may read this one secret, for the 15 minutes that AWS has as least."""
        arn = self._role_arn(wanted.role)
        region, account = self._identity.region, self._account
        policy = _only(f"arn:aws:secretsmanager:{region}:{account}:secret:{wanted.secret}-??????")
        given = answer(
            f"assuming the role {wanted.role}",
            lambda: self._sts.assume_role(
                RoleArn=arn,
                RoleSessionName=request_id if _REQUEST.fullmatch(request_id) else self._unasked,
                Policy=policy,
                DurationSeconds=_SESSION_SECONDS,
            ),
        )["Credentials"]
        return replace(
            self._identity,
            access_key_id=given["AccessKeyId"],
            secret_access_key=Secret(given["SecretAccessKey"]),
            session_token=Secret(given["SessionToken"]),
        )

    def _role_arn(self, role: str) -> str:
        self._account = (
            self._account or answer("asking who this is", self._sts.get_caller_identity)["Account"]
        )
        return f"arn:aws:iam::{self._account}:role/{role}"


def _only(arn: str) -> str:
    """A session policy; AWS ends a secret's ARN in six characters of its own."""
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _refused(identity: AwsIdentity, secret: str) -> bool:
    """Whether IAM refuses the read. A secret that is not there was not refused: IAM let it through."""
    client = identity.secrets_manager()

    def ask() -> bool:
        try:
            client.get_secret_value(SecretId=secret)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code not in ("AccessDeniedException", "ResourceNotFoundException"):
                raise
            return code == "AccessDeniedException"
        return False

    return answer(f"asking for {secret}, to be refused", ask)


def read_credential(document: Secret, *, scope: str) -> Credential:
    """The secret's JSON as the header that it stands for.

    Raises:
        Malformed: it is something else; the sentence does not quote it.
    """
    match _parsed(document):
        case {"type": "bearer", "token": str(token)} if _TOKEN.fullmatch(token):
            value = Secret(f"Bearer {token}")
            return Credential(scope=scope, header="Authorization", value=value, token=Secret(token))
        case {"type": "header", "name": str(name), "value": str(text)} if _is_header(name, text):
            return Credential(scope=scope, header=name, value=Secret(text), token=Secret(text))
    raise Malformed(
        f'the secret {scope} must be JSON: {{"type": "bearer", "token": …}}'
        ' or {"type": "header", "name": …, "value": …}'
    )


def _is_header(name: str, value: str) -> bool:
    return _HEADER.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None


def _parsed(document: Secret) -> Any:
    try:
        return json.loads(document.reveal())
    except ValueError:
        # json's error holds the whole document: nothing of it goes further.
        return None
