"""How the emulator is started, and by which credential it is seeded."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from adapters.keys import AwsIdentity
from contracts.errors import Unavailable
from contracts.secret import Secret
from embedded.aws import emulator
from embedded.aws.files import read_json, write_json

REGION: Final = "us-east-1"

_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# Nothing else of the caller's environment goes in: no AWS profile, proxy, Docker socket or ministack setting.
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")


def start_command(port: int, state_dir: Path, host: str = "127.0.0.1") -> tuple[list[str], dict[str, str]]:
    """Arguments and the whole environment of the emulator's process; makes its directories."""
    root = _root(state_dir)
    home = (state_dir / "aws" / "emulator").resolve()
    for directory in (home, home / "state", home / "s3", home / "tmp"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        "AUTH": "true",
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "SERVICES": "iam,sts,secretsmanager,s3",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        "TMPDIR": str(home / "tmp"),
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": root["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": root["secret_access_key"],
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        # ministack removes its containers from a Docker it finds; the developer's Docker is none of ours.
        "DOCKER_HOST": "unix:///nonexistent",
    }
    return [sys.executable, "-m", emulator.__name__], environment


def root_identity(endpoint: str, state_dir: Path) -> AwsIdentity:
    """The credential that may do everything: for seeding, in no process that serves."""
    root = _root(state_dir)
    return AwsIdentity(
        region=REGION,
        endpoint_url=endpoint,
        access_key_id=root["access_key_id"],
        secret_access_key=Secret(root["secret_access_key"]),
    )


@contextmanager
def answering(endpoint: str, state_dir: Path) -> Iterator[None]:
    """An emulator at that address for as long as the block runs: the one that answers there, or one of ours.

    Blocks; raises Unavailable.
    """
    with httpx.Client(trust_env=False, timeout=1.0) as http:
        if _ready(http, endpoint):
            yield
            return
    arguments, environment = start_command(urlsplit(endpoint).port or 0, state_dir)
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL) as started:
        try:
            wait_ready(endpoint)
            yield
        finally:
            started.terminate()


def wait_ready(endpoint: str, *, timeout_seconds: float = 15.0) -> None:
    """Return when the emulator answers. Blocks; raises Unavailable after ``timeout_seconds``."""
    deadline = time.monotonic() + timeout_seconds
    with httpx.Client(trust_env=False, timeout=1.0) as http:
        while not _ready(http, endpoint):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the AWS emulator did not answer at {endpoint} within {timeout_seconds:g} s: see its log"
                )
            time.sleep(0.05)


def _ready(http: httpx.Client, endpoint: str) -> bool:
    try:
        return http.get(endpoint + emulator.READY).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _root(state_dir: Path) -> dict[str, str]:
    path = state_dir / "aws" / "root.json"
    found = read_json(path)
    if found is None:
        key = "AKIA" + "".join(secrets.choice(_BASE32) for _ in range(16))
        found = {"access_key_id": key, "secret_access_key": secrets.token_urlsafe(30)}
        write_json(path, found)
    return found
