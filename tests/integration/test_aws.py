"""AWS as the embedded stack has it: a real emulator process, IAM enforced, every identity tried."""

import json
import logging
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from adapters.anchors import S3Anchors
from adapters.content_keys import TenantContentKeys, content_secret
from adapters.keys import AwsIdentity, KeyRing, PrivateKeys
from adapters.secrets import SeparationBroken, TenantSecrets, read_credential, role_name
from adapters.tokens import JwtSigner, JwtVerifier
from contracts.errors import Conflict, Malformed, PermissionRefused, TokenRefused, Unavailable
from contracts.secret import Secret
from contracts.tokens import Purpose
from embedded.aws import plan
from embedded.aws.plan import Role
from embedded.aws.seed import BREAK_GLASS_KEYRING, KEYRING, TENANTS, Seeded, seed
from embedded.aws.server import root_identity, start_command, wait_ready
from embedded.rings import LocalRings

BUCKET = plan.anchor_bucket("dev")
NAMES = [
    *(plan.key_name(purpose) for purpose in Purpose),
    "keys/payload",
    "slack/signing-secret",
    "slack/bot-token",
    *(content_secret(tenant) for tenant in TENANTS),
    *(plan.tool_secret(tenant, name) for tenant in TENANTS for name in plan.CREDENTIALS),
]


@dataclass(frozen=True, kw_only=True)
class _Aws:
    endpoint: str
    state: Path
    seeded: Seeded

    def identity(self, role: Role) -> AwsIdentity:
        return AwsIdentity.load(self.state / "aws" / f"{role.value}.json")

    def root(self) -> AwsIdentity:
        return root_identity(self.endpoint, self.state)

    def tenant_secrets(self, role: Role = Role.TOOLS, **options: float) -> TenantSecrets:
        return TenantSecrets(self.identity(role), "dev", role=plan.TAKES[role], **options)

    def private_keys(self, role: Role) -> PrivateKeys:
        ring = KeyRing.load(self.state / (BREAK_GLASS_KEYRING if role is Role.BREAK_GLASS else KEYRING))
        return PrivateKeys(self.identity(role), "dev", ring)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _emulator(port: int, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv, environment = start_command(port, state)
    process = subprocess.Popen(argv, env=environment)
    try:
        wait_ready(f"http://127.0.0.1:{port}")
        yield process
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Aws]:
    state, port = tmp_path_factory.mktemp("aws"), _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with _emulator(port, state):
        yield _Aws(endpoint=endpoint, state=state, seeded=seed(endpoint, state))


def _read(identity: AwsIdentity, name: str) -> str:
    return identity.secrets_manager().get_secret_value(SecretId=f"interlock/dev/{name}")["SecretString"]


def _refusal(ask: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as refused:
        ask()
    return str(refused.value.response["Error"]["Code"])


def _session(identity: AwsIdentity, tenant: str, *narrowed_to: str, kind: str = "tools") -> AwsIdentity:
    """A tenant's role, taken with raw boto3: none of our own checks in between."""
    asked: dict[str, Any] = {
        "RoleArn": f"arn:aws:iam::000000000000:role/{role_name(env='dev', tenant=tenant, role=kind)}",
        "RoleSessionName": "attack",
    }
    if narrowed_to:
        asked["Policy"] = plan.document(plan.allow("secretsmanager:GetSecretValue", *narrowed_to))
    given = identity.sts().assume_role(**asked)["Credentials"]
    return replace(
        identity,
        access_key_id=given["AccessKeyId"],
        secret_access_key=Secret(given["SecretAccessKey"]),
        session_token=Secret(given["SessionToken"]),
    )


# -- who may read what ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
def test_each_process_reads_its_own_secrets_and_no_other(aws: _Aws, role: Role) -> None:
    """Of all secrets, a process reads those that the design gives it, and content keys: no other."""
    identity = aws.identity(role)
    client = identity.secrets_manager()
    for name in NAMES:
        if name in plan.READS[role] or name.startswith("content/"):
            assert _read(identity, name)
        else:
            assert _refusal(lambda name=name: _read(identity, name)) == "AccessDeniedException"  # type: ignore[misc]  # mypy infers no type for a default
    one = f"interlock/dev/{plan.READS[role][0]}"
    for ask in (
        client.list_secrets,
        lambda: client.batch_get_secret_value(SecretIdList=[one]),
        lambda: client.put_secret_value(SecretId=one, SecretString="x"),
        lambda: client.delete_secret(SecretId=one),
        identity.iam().list_users,
        lambda: identity.iam().put_user_policy(UserName="u", PolicyName="p", PolicyDocument="{}"),
        identity.iam().create_access_key,
    ):
        assert _refusal(ask).startswith("AccessDenied")


@pytest.mark.parametrize("kind", plan.TAKES.values())
@pytest.mark.parametrize("role", list(Role))
def test_a_tenants_role_is_taken_by_the_one_process_that_it_trusts(aws: _Aws, role: Role, kind: str) -> None:
    """The tool worker takes the tools' roles, the break-glass process its own: nobody takes another's.

    Not even whose own policy says that it may.
    """
    identity, iam = aws.identity(role), aws.root().iam()
    if plan.TAKES.get(role) == kind:
        assert _read(_session(identity, "acme", kind=kind), "acme/ticketing-write")
        return
    assert _refusal(lambda: _session(identity, "acme", kind=kind)) == "AccessDenied"
    widened = plan.document(plan.allow("sts:AssumeRole", "*"))
    user = plan.user_name("dev", role)
    iam.put_user_policy(UserName=user, PolicyName="widened", PolicyDocument=widened)
    try:
        assert _refusal(lambda: _session(identity, "acme", kind=kind)) == "AccessDenied"
    finally:
        iam.delete_user_policy(UserName=user, PolicyName="widened")


@pytest.mark.parametrize("taker", list(plan.TAKES))
def test_acmes_worker_code_asking_for_globexs_secret_is_refused_by_iam(aws: _Aws, taker: Role) -> None:
    """With our own checks taken out, acme's role reads nothing of globex, narrowed wrongly or not at all."""
    identity, kind = aws.identity(taker), plan.TAKES[taker]
    globex = (
        "arn:aws:secretsmanager:us-east-1:000000000000:secret:interlock/dev/globex/ticketing-write-??????"
    )
    for session in (
        _session(identity, "acme", kind=kind),
        _session(identity, "acme", globex, kind=kind),
        _session(identity, "acme", "*", kind=kind),
    ):
        for name in NAMES:
            if not name.startswith("acme/"):
                assert _refusal(lambda n=name, s=session: _read(s, n)) == "AccessDeniedException"  # type: ignore[misc]  # as above
        for other in plan.TAKES.values():
            assert _refusal(partial(_session, session, "globex", kind=other)) == "AccessDenied"
    assert (
        json.loads(_read(_session(identity, "acme", kind=kind), "acme/ticketing-write"))["type"] == "bearer"
    )


def test_a_session_policy_narrows_a_role_to_one_secret(aws: _Aws) -> None:
    """A session for the read secret does not read the same tenant's write secret."""
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:interlock/dev/acme/ticketing-read-??????"
    session = _session(aws.identity(Role.TOOLS), "acme", arn)
    assert _read(session, "acme/ticketing-read")
    assert _refusal(lambda: _read(session, "acme/ticketing-write")) == "AccessDeniedException"


def _unsigned(endpoint: str) -> Any:
    config = Config(signature_version=UNSIGNED, proxies={})
    return boto3.client("secretsmanager", region_name="us-east-1", endpoint_url=endpoint, config=config)


def test_nobody_is_root_who_does_not_hold_its_secret(aws: _Aws) -> None:
    """Unknown keys, the emulator's default root keys, a wrong secret and no signature at all are refused."""
    root = aws.root()
    for key in ("test", "000000000000", "AKIAUNKNOWNUNKNOWN12", root.access_key_id):
        for secret in ("test", "wrong"):
            forged = replace(root, access_key_id=key, secret_access_key=Secret(secret))
            assert _refusal(lambda f=forged: _read(f, "keys/warrant"))  # type: ignore[misc]  # as above
            assert _refusal(lambda f=forged: f.iam().list_users())  # type: ignore[misc]  # as above
    stolen = replace(aws.identity(Role.GATEWAY), secret_access_key=Secret("wrong"))
    assert _refusal(lambda: _read(stolen, "keys/warrant")) == "InvalidSignatureException"
    tokenless = replace(_session(aws.identity(Role.TOOLS), "acme"), session_token=None)
    assert _refusal(lambda: _read(tokenless, "acme/ticketing-read"))
    nobody = _unsigned(aws.endpoint)
    assert _refusal(lambda: nobody.get_secret_value(SecretId="interlock/dev/keys/warrant"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_localstack/health"),
        ("GET", f"/{BUCKET}?list-type=2"),
        ("GET", f"/{BUCKET}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/20260101/x/s3/x"),
        ("GET", f"/{BUCKET}?AWSAccessKeyId=test&Signature=x&Expires=9999999999"),
        ("POST", "/?Action=ListUsers&Version=2010-05-08"),
        ("POST", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x&WebIdentityToken=y"),
    ],
)  # fmt: skip
def test_the_emulators_back_doors_are_shut(aws: _Aws, method: str, path: str) -> None:
    """Its administration and every request not signed in its header are refused; nothing is lost."""
    answer = httpx.request(method, aws.endpoint + path, trust_env=False)
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert _read(aws.identity(Role.AGENT), "keys/payload")


# -- seeding -------------------------------------------------------------------------------------------------


def _files(state: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (*state.glob("*.json"), *state.glob("aws/*.json"))}


def test_seeding_again_changes_nothing(aws: _Aws) -> None:
    """A second seed keeps every key, token, identity and file."""
    before, secret = _files(aws.state), _read(aws.root(), "keys/grant")
    assert seed(aws.endpoint, aws.state) == aws.seeded
    assert _files(aws.state) == before
    assert _read(aws.root(), "keys/grant") == secret


def test_what_is_seeded_is_secret_to_others(aws: _Aws) -> None:
    """Every file is its owner's alone, the emulator's own included, and the key ring has public keys only."""
    for path in aws.state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert not [
        name for name in (KEYRING, BREAK_GLASS_KEYRING) if "PRIVATE" in (aws.state / name).read_text()
    ]
    values = [json.loads(_read(aws.root(), name))["token"] for name in NAMES if name.startswith(TENANTS)]
    assert len(set(values)) == len(values) == len(aws.seeded.tool_tokens)


def test_a_killed_emulator_comes_back_with_all_it_had(tmp_path: Path) -> None:
    """After SIGKILL the same identities read the same secrets, and the anchors are there."""
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with _emulator(port, tmp_path) as process:
        seeded = seed(endpoint, tmp_path)
        aws = _Aws(endpoint=endpoint, state=tmp_path, seeded=seeded)
        before, pem = _files(tmp_path), _read(aws.identity(Role.GATEWAY), "keys/grant")
        aws.identity(Role.BROKER).s3().put_object(Bucket=BUCKET, Key="acme/000000000001.json", Body=b"{}")
        process.kill()
        process.wait(10)
    with _emulator(port, tmp_path):
        assert _read(aws.identity(Role.GATEWAY), "keys/grant") == pem
        assert seed(endpoint, tmp_path) == seeded
        assert _files(tmp_path) == before
        assert _read(_session(aws.identity(Role.TOOLS), "acme"), "acme/ticketing-read")
        kept = aws.identity(Role.CLI).s3().get_object(Bucket=BUCKET, Key="acme/000000000001.json")
        assert kept["Body"].read() == b"{}"


@pytest.mark.parametrize("name", [KEYRING, BREAK_GLASS_KEYRING])
def test_a_lost_emulator_is_not_seeded_over(aws: _Aws, tmp_path: Path, name: str) -> None:
    """Where a key ring is of other keys than the emulator's, seeding stops and says so."""
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "root.json").write_bytes((aws.state / "aws" / "root.json").read_bytes())
    ring = json.loads((aws.state / name).read_text())
    ring["keys"][0]["x"] = ring["keys"][1]["x"]
    (tmp_path / name).write_text(json.dumps(ring))
    with pytest.raises(Conflict, match=f"{name}.*--reset"):
        seed(aws.endpoint, tmp_path)


def test_a_tenant_may_not_be_called_as_what_lies_beside_tenants(aws: _Aws) -> None:
    """A tenant named "keys" would have a role that reads every signing key."""
    with pytest.raises(Malformed, match="no tenant"):
        seed(aws.endpoint, aws.state, tenants=("keys",))


# -- tenants' credentials ------------------------------------------------------------------------------------


async def test_a_tenants_credential_is_a_header_and_kept_for_a_while(aws: _Aws) -> None:
    """The secret comes as a bearer header; within the cache's time it is the same object, then a new one."""
    secrets = aws.tenant_secrets(cache_seconds=60.0)
    first = await secrets.fetch(
        tenant="acme", env="dev", name="ticketing-read", request_id="req_9f2c01ab77e3"
    )
    token = json.loads(_read(aws.root(), "acme/ticketing-read"))["token"]
    assert (first.header, first.value.reveal()) == ("Authorization", f"Bearer {token}")
    assert (first.scope, first.token.reveal()) == ("dev/acme/ticketing-read", token)
    assert await secrets.fetch(tenant="acme", env="dev", name="ticketing-read") is first
    fresh = aws.tenant_secrets(cache_seconds=0.0)
    again = await fresh.fetch(tenant="acme", env="dev", name="ticketing-read")
    assert await fresh.fetch(tenant="acme", env="dev", name="ticketing-read") is not again


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "acme/ticketing-read-??????", "name": "x"},
        {"tenant": "*", "name": "ticketing-read"},
        {"tenant": "acme", "name": "../globex/ticketing-read"},
        {"tenant": "acme", "name": "ticketing-*"},
        {"tenant": "acme", "name": "ticketing-read\n"},
        {"tenant": "ACME", "name": "ticketing-read"},
        {"tenant": "keys", "name": "warrant"},
        {"tenant": "slack", "name": "bot-token"},
        {"tenant": "a" * 60, "name": "ticketing-read"},
        {"tenant": "", "name": "ticketing-read"},
    ],
)
async def test_no_name_reaches_beyond_its_tenant(aws: _Aws, wrong: dict[str, str]) -> None:
    """A name with a path, a wildcard or a reserved folder in it is refused before AWS is asked."""
    with pytest.raises(Malformed):
        await aws.tenant_secrets().fetch(env="dev", **wrong)


async def test_refused_and_unreachable_are_told_apart(aws: _Aws) -> None:
    """What stays refused is a PermissionRefused, what a retry may mend is an Unavailable."""
    secrets = aws.tenant_secrets()
    with pytest.raises(PermissionRefused, match="serves dev, not prod"):
        await secrets.fetch(tenant="acme", env="prod", name="ticketing-read")
    with pytest.raises(PermissionRefused, match="that it exists"):
        await secrets.fetch(tenant="acme", env="dev", name="no-such")
    with pytest.raises(PermissionRefused, match="assuming the role"):
        await secrets.fetch(tenant="no-such", env="dev", name="ticketing-read")
    away = replace(aws.identity(Role.TOOLS), endpoint_url=f"http://127.0.0.1:{_free_port()}")
    with pytest.raises(Unavailable, match="did not answer"):
        await TenantSecrets(away, "dev").fetch(tenant="acme", env="dev", name="ticketing-read")
    with pytest.raises(Unavailable):
        await TenantSecrets(away, "dev").check_forbidden_read(tenants=TENANTS)


async def test_a_fetch_logs_no_secret(aws: _Aws, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger of the application at DEBUG, boto3's lines hold neither value nor session."""
    with caplog.at_level(logging.DEBUG):
        found = await aws.tenant_secrets().fetch(tenant="globex", env="dev", name="ticketing-write")
    assert found.token.reveal() not in caplog.text
    assert "SessionToken" not in caplog.text
    assert found.token.reveal() not in repr(found)


@pytest.mark.parametrize(
    "document",
    [
        "planted-secret",
        '{"type": "bearer"}',
        '{"type": "bearer", "token": "planted-secret\\r\\nX-Admin: 1"}',
        '{"type": "bearer", "token": ""}',
        '{"type": "header", "name": "X Key", "value": "planted-secret"}',
        '{"type": "header", "name": "X-Key", "value": "planted-secret\\n"}',
        '{"type": "basic", "token": "planted-secret"}',
        '["planted-secret"]',
    ],
)
def test_a_malformed_secret_is_refused_unquoted(document: str) -> None:
    """A secret of another shape, or that would break out of its header, is named but never quoted."""
    with pytest.raises(Malformed, match="dev/acme/ticketing-read") as refused:
        read_credential(Secret(document), scope="dev/acme/ticketing-read")
    assert "planted-secret" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_header_secret_is_that_header() -> None:
    """A secret of the type "header" is sent under its own name."""
    found = read_credential(Secret('{"type": "header", "name": "X-Api-Key", "value": "v 1"}'), scope="s")
    assert (found.header, found.value.reveal(), found.token.reveal()) == ("X-Api-Key", "v 1", "v 1")


# -- the check at start-up -----------------------------------------------------------------------------------


@contextmanager
def _widened(aws: _Aws, put: str, secret: str = "*", **whose: str) -> Iterator[None]:
    iam = aws.root().iam()
    wide = plan.document(plan.allow("secretsmanager:GetSecretValue", secret))
    getattr(iam, f"put_{put}_policy")(PolicyName="wide", PolicyDocument=wide, **whose)
    try:
        yield
    finally:
        getattr(iam, f"delete_{put}_policy")(PolicyName="wide", **whose)


@contextmanager
def _trusting(aws: _Aws, kind: str, tenant: str, whom: Role) -> Iterator[None]:
    """A tenant's role of this kind that trusts somebody else's user too, who may take any role.

    AWS asks for no more than the trust of who is named in it; the emulator asks for both.
    """
    iam, name = aws.root().iam(), role_name(env="dev", tenant=tenant, role=kind)
    users = {role: iam.get_user(UserName=plan.user_name("dev", role))["User"]["Arn"] for role in Role}
    owner = next(users[role] for role, taken in plan.TAKES.items() if taken == kind)
    wide = json.loads(plan.tenant_trust(owner))
    wide["Statement"] += json.loads(plan.tenant_trust(users[whom]))["Statement"]
    user, take = plan.user_name("dev", whom), plan.document(plan.allow("sts:AssumeRole", "*"))
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(wide))
    iam.put_user_policy(UserName=user, PolicyName="taking", PolicyDocument=take)
    try:
        yield
    finally:
        iam.delete_user_policy(UserName=user, PolicyName="taking")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=plan.tenant_trust(owner))


_OTHER = {Role.TOOLS: Role.BREAK_GLASS, Role.BREAK_GLASS: Role.TOOLS}


@pytest.mark.parametrize("taker", list(plan.TAKES))
async def test_a_taker_of_roles_serves_only_where_forbidden_reads_are_refused(aws: _Aws, taker: Role) -> None:
    """The check passes as seeded, and names the policy as soon as one role or user can read too much."""
    secrets, kind = aws.tenant_secrets(taker), plan.TAKES[taker]
    await secrets.check_forbidden_read(tenants=TENANTS)
    await secrets.check_forbidden_read(tenants=("acme",))
    for tenant in TENANTS:
        with (
            _widened(aws, "role", RoleName=role_name(env="dev", tenant=tenant, role=kind)),
            pytest.raises(SeparationBroken, match=f"interlock-dev-{tenant}-{kind} may read"),
        ):
            await secrets.check_forbidden_read(tenants=TENANTS)
    with (
        _widened(aws, "user", UserName=plan.user_name("dev", taker)),
        pytest.raises(SeparationBroken, match="without a role"),
    ):
        await secrets.check_forbidden_read(tenants=TENANTS)
    await secrets.check_forbidden_read(tenants=TENANTS)


@pytest.mark.parametrize(
    ("taker", "key"), [(Role.TOOLS, Purpose.BREAK_GLASS), (Role.BREAK_GLASS, Purpose.FROZEN)]
)
async def test_neither_taker_of_roles_serves_with_the_others_key_in_reach(
    aws: _Aws, taker: Role, key: Purpose
) -> None:
    """A user that may read the one key beside its own does not serve, and is told which."""
    secrets, name = aws.tenant_secrets(taker), plan.key_name(key)
    with (
        _widened(aws, "user", f"arn:aws:secretsmanager:*:*:secret:interlock/dev/{name}-??????",
                 UserName=plan.user_name("dev", taker)),
        pytest.raises(SeparationBroken, match=f"{name} without a role"),
    ):  # fmt: skip
        await secrets.check_forbidden_read(tenants=TENANTS)


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("taker", list(plan.TAKES))
async def test_neither_taker_of_roles_serves_where_it_may_take_the_others(
    aws: _Aws, taker: Role, tenant: str
) -> None:
    """One role of the other kind that trusts this process too is enough, and its trust is what is named."""
    kind = plan.TAKES[_OTHER[taker]]
    wrong = f"may assume interlock-dev-{tenant}-{kind}: correct whom the role trusts"
    with _trusting(aws, kind, tenant, taker):
        with pytest.raises(SeparationBroken, match=wrong):
            await aws.tenant_secrets(taker).check_forbidden_read(tenants=TENANTS)
        # Who is trusted already is not what is wrong.
        await aws.tenant_secrets(_OTHER[taker]).check_forbidden_read(tenants=TENANTS)


async def test_no_break_glass_role_is_as_good_as_one_that_refuses(aws: _Aws) -> None:
    """A tenant without one has its tools served: AWS says the same no."""
    iam, name = aws.root().iam(), role_name(env="dev", tenant="initech", role="break-glass")
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)
    try:
        await aws.tenant_secrets().check_forbidden_read(tenants=TENANTS)
    finally:
        seed(aws.endpoint, aws.state)


@pytest.mark.parametrize("taker", list(plan.TAKES))
async def test_a_refusal_of_everything_proves_nothing(aws: _Aws, taker: Role) -> None:
    """Where a tenant's own secret is refused too, the check does not pass."""
    with pytest.raises(PermissionRefused):
        await aws.tenant_secrets(taker).check_forbidden_read(tenants=("no-such", "acme"))


# -- this process's keys -------------------------------------------------------------------------------------


async def test_a_process_signs_for_its_own_purposes_only(aws: _Aws) -> None:
    """The gateway gets the warrant key that the ring has, and is refused the capability key."""
    gateway, ring = aws.private_keys(Role.GATEWAY), KeyRing.load(aws.state / "keyring.json")
    key = await gateway.signing_key(Purpose.WARRANT)
    ring.public_key(Purpose.WARRANT).verify(key.private.sign(b"said"), b"said")
    assert key.kid == ring.kid(Purpose.WARRANT) == ring.jwk(Purpose.WARRANT)["kid"]
    assert "private" not in repr(key)
    with pytest.raises(PermissionRefused, match="keys/capability"):
        await gateway.signing_key(Purpose.CAPABILITY)
    assert (await gateway.text("slack/signing-secret")) == aws.seeded.slack_signing_secret
    agent = await aws.private_keys(Role.AGENT).payload_keys()
    assert (await (await gateway.payload_keys()).current()).id == (await agent.current()).id
    with pytest.raises(Malformed):
        await gateway.text("../prod/keys/warrant")


async def test_the_break_glass_process_signs_for_break_glass_alone(aws: _Aws) -> None:
    """Its ring verifies what it signs; a login, and whatever the agents sign, it cannot sign."""
    keys = aws.private_keys(Role.BREAK_GLASS)
    key = await keys.signing_key(Purpose.BREAK_GLASS)
    token = JwtSigner([key]).sign(Purpose.BREAK_GLASS, {"kind": "session"})
    ring = KeyRing.load(aws.state / BREAK_GLASS_KEYRING)
    assert JwtVerifier(ring).verify(Purpose.BREAK_GLASS, token) == {"kind": "session"}
    with pytest.raises(TokenRefused, match="not trusted"):
        JwtVerifier(KeyRing.load(aws.state / KEYRING)).verify(Purpose.BREAK_GLASS, token)
    for purpose in set(Purpose) - {Purpose.BREAK_GLASS}:
        with pytest.raises(PermissionRefused, match=f"keys/{purpose.value} "):
            await keys.signing_key(purpose)


def test_each_purpose_has_a_key_of_its_own_in_the_ring_of_who_may_verify_it(aws: _Aws) -> None:
    """No two purposes share a key, and no ring of the agents' has a key of break-glass, or the other way."""
    agents, glass = (KeyRing.load(aws.state / name) for name in (KEYRING, BREAK_GLASS_KEYRING))
    assert set(agents.keys) == {purpose for purpose in Purpose if purpose.of_agents}
    assert set(glass.keys) == {Purpose.BREAK_GLASS, Purpose.BREAK_GLASS_LOGIN}
    kids = {ring.kid(purpose) for ring in (agents, glass) for purpose in ring.keys}
    assert len(kids) == len(Purpose)


def test_a_ring_that_does_not_hold_together_is_refused(aws: _Aws, tmp_path: Path) -> None:
    """A swapped key, a purpose named twice, a torn file, agents' keys beside break-glass's: each is named."""
    glass = json.loads((aws.state / BREAK_GLASS_KEYRING).read_text())["keys"]
    entries = json.loads((aws.state / "keyring.json").read_text())["keys"]
    swapped = [{**entries[0], "x": entries[1]["x"]}]
    path = tmp_path / "keyring.json"
    rings = [{"keys": keys} for keys in (swapped, [entries[0]] * 2, [*entries, glass[0]])]
    for text in (*map(json.dumps, rings), "{", "[]"):
        path.write_text(text)
        with pytest.raises(Malformed, match=r"keyring\.json"):
            KeyRing.load(path)
    with pytest.raises(Malformed, match="no AWS identity"):
        AwsIdentity.load(path)


# -- anchors -------------------------------------------------------------------------------------------------


async def test_an_anchor_stands_where_it_was_put(aws: _Aws) -> None:
    """The broker puts each head once; a second put at its place is told so and changes nothing."""
    broker, operator = S3Anchors(aws.identity(Role.BROKER), BUCKET), S3Anchors(aws.identity(Role.CLI), BUCKET)
    for seq in (100, 9, 1):
        assert await broker.put("initech", seq, b"head %d" % seq)
    assert not await broker.put("initech", 9, b"forged")
    assert list(await operator.list("initech")) == [b"head 1", b"head 9", b"head 100"]
    assert list(await operator.list("init")) == []


async def test_only_the_broker_puts_and_only_an_operator_reads_anchors(aws: _Aws) -> None:
    """Every other identity is refused, and none may delete."""
    for role in Role:
        anchors, s3 = S3Anchors(aws.identity(role), BUCKET), aws.identity(role).s3()
        if role is not Role.BROKER:
            with pytest.raises(PermissionRefused):
                await anchors.put("acme", 7, b"forged")
        if role is not Role.CLI:
            with pytest.raises(PermissionRefused):
                await anchors.list("acme")
        assert _refusal(lambda s3=s3: s3.delete_object(Bucket=BUCKET, Key="initech/000000000001.json"))  # type: ignore[misc]  # as above
        assert _refusal(lambda s3=s3: s3.put_object(Bucket="elsewhere", Key="k", Body=b""))  # type: ignore[misc]  # as above
    with pytest.raises(Malformed):
        await S3Anchors(aws.identity(Role.BROKER), BUCKET).put("../acme", 1, b"")


# -- content keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenants_role_reads_no_content_key(aws: _Aws, tenant: str) -> None:
    """A role that holds the tenant's tool credentials is refused every content key, its tenant's own too."""
    session = _session(aws.identity(Role.TOOLS), tenant)
    for one in TENANTS:
        assert _refusal(lambda one=one: _read(session, content_secret(one))) == "AccessDeniedException"  # type: ignore[misc]  # mypy infers no type for a default


async def test_content_keys_are_the_environments_own(aws: _Aws) -> None:
    """Every serving process gets a tenant's ring, of its own environment alone."""
    rings = {role: await TenantContentKeys(aws.private_keys(role)).ring("acme", "dev") for role in plan.READS}
    assert len({ring.keys[0].id for ring in rings.values()}) == 1
    with pytest.raises(PermissionRefused, match="not of prod"):
        await TenantContentKeys(aws.private_keys(Role.AGENT)).ring("acme", "prod")


async def test_a_forgotten_tenant_stays_forgotten(tmp_path: Path) -> None:
    """Nothing of a deleted key can be had again, and a new start of the stack makes none by itself."""
    port = _free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with _emulator(port, tmp_path):
        aws = _Aws(endpoint=endpoint, state=tmp_path, seeded=seed(endpoint, tmp_path))
        keys = TenantContentKeys(aws.private_keys(Role.AGENT))
        rings = LocalRings(endpoint, tmp_path, "dev")
        rings.rotate("acme", 0)
        assert len((await keys.ring("acme", "dev")).keys) == 2
        rings.forget("acme")
        seed(endpoint, tmp_path)
        assert (await keys.ring("acme", "dev")).keys == ()
        assert len((await keys.ring("globex", "dev")).keys) == 1
        for stage in ("AWSCURRENT", "AWSPREVIOUS"):
            client = aws.root().secrets_manager()
            secret = "interlock/dev/content/acme"
            with suppress(ClientError):
                found = client.get_secret_value(SecretId=secret, VersionStage=stage)["SecretString"]
                assert json.loads(found) == {"keys": []}
        rings.rotate("acme", 0)
        assert len((await keys.ring("acme", "dev")).keys) == 1
        with pytest.raises(Malformed, match="no tenant nobody"):
            rings.forget("nobody")


async def test_a_deleted_secret_is_a_forgotten_tenant(aws: _Aws) -> None:
    """On AWS a tenant is forgotten by deleting the secret: no ring is no error."""
    assert (await TenantContentKeys(aws.private_keys(Role.GATEWAY)).ring("nobody", "dev")).keys == ()
