"""The keys of this process: its AWS identity, everyone's public keys, and the private keys it may fetch."""

import asyncio
import base64
import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from adapters.payload_keys import PayloadKeys
from contracts.digest import canonical
from contracts.errors import InterlockError, Malformed, PermissionRefused, Unavailable, Unknown
from contracts.secret import Secret
from contracts.tokens import Purpose

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

T = TypeVar("T")

#: The second one: a secret that waits for its deletion, which nobody reads any more.
_GONE: Final = frozenset({"ResourceNotFoundException", "InvalidRequestException"})

# A boto3 session is not made for threads; the clients that it makes are.
_MAKING: Final = threading.Lock()

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}(/[a-z0-9][a-z0-9-]{0,62})?")
_PASSING: Final = frozenset(
    {"InternalFailure", "InternalServiceError", "RequestLimitExceeded", "ServiceUnavailable", "SlowDown"}
    | {
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestTimeout",
        "PriorRequestNotComplete",
    }
)


@dataclass(frozen=True, kw_only=True)
class AwsIdentity:
    """Who this process is in AWS. Without an access key it is whoever its host says (a pod's role)."""

    region: str
    #: Of the embedded stack's emulator; AWS itself where it is None.
    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: Secret | None = None
    session_token: Secret | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``{"region"}`` and, of an identity that is not the host's, its keys; raises Malformed.

        The keys: ``access_key_id`` and ``secret_access_key``, both or none; ``endpoint_url`` of an emulator.
        """
        try:
            found = json.loads(path.read_text())
            keys = {"access_key_id", "secret_access_key"} & set(found)
            return cls(
                region=found["region"],
                endpoint_url=found.get("endpoint_url"),
                access_key_id=found["access_key_id"] if keys else None,
                secret_access_key=Secret(found["secret_access_key"]) if keys else None,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = type(error).__name__
        # Outside the handler: json's error holds the whole document, the secret key included.
        raise Malformed(f"{path} is no AWS identity ({reason}): start the stack again to have it written")

    def secrets_manager(self) -> "SecretsManagerClient":
        with _MAKING:
            return _session().client("secretsmanager", **self._options())

    def sts(self) -> "STSClient":
        with _MAKING:
            return _session().client("sts", **self._options())

    def s3(self) -> "S3Client":
        with _MAKING:
            return _session().client("s3", **self._options())

    def iam(self) -> "IAMClient":
        with _MAKING:
            return _session().client("iam", **self._options())

    def _options(self) -> dict[str, Any]:
        """Of a boto3 client. Seconds, not boto3's minutes; one retry, the rest is Temporal's."""
        local = self.endpoint_url is not None
        return {
            "region_name": self.region,
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key.reveal() if self.secret_access_key else None,
            "aws_session_token": self.session_token.reveal() if self.session_token else None,
            "config": Config(
                connect_timeout=2,
                read_timeout=5,
                retries={"mode": "standard", "total_max_attempts": 2},
                s3={"addressing_style": "path"} if local else None,
                # The environment's proxy is for AWS, not for loopback.
                proxies={} if local else None,
            ),
        }


@cache
def _session() -> boto3.Session:
    """One for the process: it keeps AWS's service descriptions, 67 ms against 1.5 ms for a client."""
    # At DEBUG these print headers and bodies, secrets included, whatever the application's own level is.
    for name in ("boto3", "botocore", "urllib3", "s3transfer"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return boto3.Session()


def answer(doing: str, ask: Callable[[], T]) -> T:
    """What AWS answers; ``doing`` says in the error's sentence what was asked.

    Raises:
        PermissionRefused: AWS said no, and will again.
        Unavailable: AWS did not answer, or not now.
    """
    try:
        return ask()
    except (ClientError, BotoCoreError) as error:
        failure = _explained(error, doing)
    # Outside the handler, so that no cause goes along: botocore quotes a body that it cannot parse.
    raise failure


def _explained(error: BotoCoreError | ClientError, doing: str) -> InterlockError:
    if not isinstance(error, ClientError):
        return Unavailable(f"AWS did not answer while {doing} ({type(error).__name__})")
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _PASSING or status >= 500:
        return Unavailable(f"AWS could not answer now while {doing} ({code})")
    if code in _GONE:
        return NothingThere(f"AWS has nothing there while {doing}: create it")
    return PermissionRefused(f"AWS refused {doing} ({code}): check that it exists and who may do so")


@dataclass(frozen=True, kw_only=True)
class KeyRing:
    """The public key of each purpose, pinned."""

    keys: Mapping[Purpose, Ed25519PublicKey]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read ``keyring.json``: ``{"keys": [{"purpose", "kid", "x"}]}``; raises Malformed."""
        try:
            entries = json.loads(path.read_text())["keys"]
            keys = {Purpose(entry["purpose"]): _public(entry) for entry in entries}
            unique = len(keys) == len(entries)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Malformed(f"{path} is no key ring ({type(error).__name__}): {error}") from error
        if not unique:
            raise Malformed(f"{path} names two keys for one purpose: keep the one that signs now")
        if len({purpose.of_agents for purpose in keys}) > 1:
            raise Malformed(f"{path} has keys of the agents and of break-glass: give each a file of its own")
        return cls(keys=keys)

    def public_key(self, purpose: Purpose) -> Ed25519PublicKey:
        """Raises Unknown where the ring has none for it."""
        if purpose not in self.keys:
            raise Unknown(f"the key ring has no key for {purpose.value}: seed the keys again")
        return self.keys[purpose]

    def kid(self, purpose: Purpose) -> str:
        """The key's id; a token's ``kid`` must be this one. Raises Unknown."""
        return thumbprint(self.public_key(purpose))

    def jwk(self, purpose: Purpose) -> dict[str, str]:
        """The public key as a JWK (RFC 8037), to be served. Raises Unknown."""
        key = self.public_key(purpose)
        return _members(key) | {"kid": thumbprint(key), "use": "sig", "alg": "EdDSA"}


def thumbprint(key: Ed25519PublicKey) -> str:
    """A key's id: the thumbprint of its JWK (RFC 7638)."""
    return _base64url(hashlib.sha256(canonical(_members(key))).digest())


def ring_entry(purpose: Purpose, key: Ed25519PublicKey) -> dict[str, str]:
    """The key as ``keyring.json`` lists it."""
    return {"purpose": purpose.value, "kid": thumbprint(key), "x": _members(key)["x"]}


def _public(entry: dict[str, str]) -> Ed25519PublicKey:
    raw = base64.urlsafe_b64decode(entry["x"] + "==")
    key = Ed25519PublicKey.from_public_bytes(raw)
    if thumbprint(key) != entry["kid"]:
        raise ValueError(f"the kid of {entry['purpose']} is not its key's thumbprint")
    return key


def _members(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key with what it is for."""

    kid: str
    purpose: Purpose
    private: Ed25519PrivateKey = field(repr=False)


class NothingThere(PermissionRefused):
    """AWS has no such secret, or it was deleted."""


class PrivateKeys:
    """This process's own keys, from Secrets Manager; IAM decides which those are."""

    def __init__(self, identity: AwsIdentity, env: str, ring: KeyRing) -> None:
        self._client = identity.secrets_manager()
        self.env = env
        self._ring = ring

    async def signing_key(self, purpose: Purpose) -> SigningKey:
        """The private key of a purpose.

        Raises:
            PermissionRefused: this process may not sign for it.
            Malformed: the secret is no Ed25519 key, or not the one in the key ring.
            Unavailable: AWS did not answer.
        """
        pem = await self.text(f"keys/{purpose.value}")
        private = read_private(pem, purpose)
        kid = thumbprint(private.public_key())
        if kid != self._ring.kid(purpose):
            raise Malformed(f"the private key of {purpose.value} is not the one in the key ring: seed again")
        return SigningKey(kid=kid, purpose=purpose, private=private)

    async def payload_keys(self) -> PayloadKeys:
        """The keys of Temporal's payloads. Raises as ``text`` does, and Malformed where they are no ring."""
        keys = PayloadKeys(lambda: self.text("keys/payload"))
        await keys.refresh()
        return keys

    async def text(self, name: str) -> Secret:
        """The secret ``interlock/<env>/<name>``, such as ``slack/signing-secret``.

        Raises:
            NothingThere: there is none.
            PermissionRefused: this process may not read it.
            Malformed: the name is none of a secret's.
            Unavailable: AWS did not answer.
        """
        if not _NAME.fullmatch(name):
            raise Malformed(f"{name!r} is no name of a secret")
        return await asyncio.to_thread(self._read, f"interlock/{self.env}/{name}")

    def _read(self, secret_id: str) -> Secret:
        found = answer(f"reading {secret_id}", lambda: self._client.get_secret_value(SecretId=secret_id))
        return Secret(found["SecretString"])


def read_private(pem: Secret, purpose: Purpose) -> Ed25519PrivateKey:
    """The Ed25519 key of a PKCS #8 PEM; raises Malformed, without the bytes."""
    key: Any = None
    try:
        key = load_pem_private_key(pem.reveal().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Malformed(f"the secret of {purpose.value} is no Ed25519 key in PEM")
    return key
