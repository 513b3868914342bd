"""Which version of the workflow code an agent worker runs: a run stays on the one that it began on."""

import hashlib
import re
from importlib.resources import files
from typing import Final

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from contracts import names
from contracts.errors import Malformed

_ROOMS: Final = ("contracts", "workflows")
_BUILD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def workflow_version(build: str) -> WorkerDeploymentVersion:
    """The version of that build id; of the code itself, where it is empty.

    Raises:
        Malformed: the build id is none.
    """
    if build and not _BUILD.fullmatch(build):
        raise Malformed(
            f"INTERLOCK_BUILD is {build[:80]!r}, which is no build id: use up to 63 letters, digits, - and _"
        )
    return WorkerDeploymentVersion(deployment_name=names.DEPLOYMENT, build_id=build or code_build())


def pinned(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """A worker of that version; runs that begin on it stay on it until they or an operator move them."""
    # Said by the worker: on the workflow itself it would keep unversioned workers from serving it.
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
    )


def code_build() -> str:
    """A digest of what decides how a history is replayed; the same at every start of the same code."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        modules = (entry for entry in files(room).iterdir() if entry.name.endswith(".py"))
        for module in sorted(modules, key=lambda entry: entry.name):
            source = module.read_bytes()
            digest.update(f"{room}/{module.name} {len(source)}\n".encode() + source)
    return digest.hexdigest()[:16]
