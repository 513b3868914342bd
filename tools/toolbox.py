"""The tools behind their sessions: what the activities ask, and all that they ever get to see."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx

from contracts.action import Frozen, Prepared
from contracts.digest import Json, canonical
from contracts.errors import Malformed, PermissionRefused, Unknown
from contracts.ports import Secrets
from contracts.run import Outcome
from contracts.tool import ToolSpec
from contracts.toolbox import Answer, Scope
from contracts.transcript import RESULT_LIMIT
from policies.attempts import mentioned
from policies.credentials_like import without_credentials
from policies.egress import read_rules
from tools.armed import ArmedWrite, asked, reading
from tools.base_url import BaseUrl
from tools.openapi.operation import Pinned
from tools.operation import Made, Operation, ReadOperation, WriteOperation
from tools.outcomes import Service, failed
from tools.outside import Borders, OutsideSession
from tools.outside_read import OutsideRead
from tools.reply import Stopped
from tools.resolver import Places, SystemResolver
from tools.scrub import Scrubber
from tools.session import Line, ReadSession, WriteSession


class HttpToolbox:
    """Implements ``contracts.toolbox.Toolbox`` over HTTP. Holds no credential: each call fetches its own."""

    def __init__(
        self,
        operations: Mapping[str, Operation | Pinned],
        secrets: Secrets,
        addresses: Mapping[str, str],
        *,
        tls: ssl.SSLContext | None = None,
        places: Places | None = None,
    ) -> None:
        """Read the addresses and the machine's certificates.

        Args:
            operations: by tool name: code, or what this worker's tool file says of a described service.
            secrets: where credentials come from.
            addresses: base URL by source address: ``{"helpdesk": "http://127.0.0.1:8080"}``.
            tls: whom to trust; default: the public authorities.
            places: where hosts outside are; default: where the system's resolver says.

        Raises:
            Malformed: a base URL is none.
        """
        self._operations = dict(operations)
        self._secrets = secrets
        self._bases = {address: BaseUrl(address, url) for address, url in addresses.items()}
        # Made once, as it takes tens of milliseconds, and a write leaves within 500 ms of its claim.
        self._tls = tls or httpx.create_ssl_context(trust_env=False)
        self._places = places or Places(SystemResolver(), {})
        _hush()

    async def read(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Answer:
        """Read. Raises what fetching a secret raises; a service's failures are answers.

        Raises:
            Unknown: this worker has no such read, in this version, or no address for it.
        """
        operation = self._operation(spec)
        if not isinstance(operation, ReadOperation):
            raise Unknown(f"{spec.name} is no read")
        scrubber = Scrubber()
        try:
            parsed = operation.parse(arguments)
            if isinstance(operation, OutsideRead):
                return _read(spec, await operation.browse(self._outside(spec, scope), parsed), scrubber)
            line = await self._line(spec, spec.credential, scope, scrubber)
            session = ReadSession(line, posts=operation.posts)
            return _read(spec, await operation.read(session, parsed), scrubber)
        except Stopped as stopped:
            return stopped.answer
        except Malformed as error:
            return failed(f"{spec.name}: {error}")

    async def prepare(self, spec: ToolSpec, arguments: Json, scope: Scope) -> Prepared | Answer:
        """Read the target with the read credential; raises as ``read`` does."""
        operation = self._writing(spec)
        try:
            parsed = operation.parse(arguments)
            reader = await self._reader(spec, scope, Scrubber())
            return shown(await operation.prepare(reading(reader, spec.name), parsed))
        except Stopped as stopped:
            return stopped.answer
        except Malformed as error:
            return failed(f"{spec.name}: {error}")

    async def arm(self, spec: ToolSpec, frozen: Frozen, scope: Scope) -> ArmedWrite:
        """Fetch both credentials, read the target's version, and have the request ready to leave.

        Raises:
            Unknown: this worker has no such write, in this version, or no address for it.
            Malformed: the arguments, the key or a credential cannot be sent.
            PermissionRefused: a secret may not be read here.
            Refused: the target's version cannot be read.
            Unavailable: not now.
        """
        operation = self._writing(spec)
        _same_action(spec, frozen, scope)
        parsed = operation.parse(frozen.arguments)
        scrubber = Scrubber()
        reader = await self._reader(spec, scope, scrubber)
        writer = await self._line(spec, spec.credential, scope, scrubber)
        return ArmedWrite(
            version=await asked(operation.current(reading(reader, spec.name), parsed)),
            session=WriteSession(writer, frozen, operation.request(parsed)),
            operation=operation,
            reader=reader,
            key=frozen.idempotency_key,
            name=spec.name,
            scrubber=scrubber,
        )

    def _operation(self, spec: ToolSpec) -> Operation:
        operation = self._operations.get(spec.name)
        if operation is None:
            raise Unknown(f"this worker has no code for the tool {spec.name}")
        if isinstance(operation, Pinned):
            return operation.operation(spec)
        if operation.version != spec.version:
            raise Unknown(
                f"the run pinned version {spec.version} of {spec.name}, this worker has {operation.version}"
            )
        return operation

    def _writing(self, spec: ToolSpec) -> WriteOperation[Any]:
        operation = self._operation(spec)
        if not isinstance(operation, WriteOperation):
            raise Unknown(f"{spec.name} is no write")
        return operation

    async def _reader(self, spec: ToolSpec, scope: Scope, scrubber: Scrubber) -> Line | None:
        """None: the catalogue names nothing to read with, and nothing is read."""
        if spec.read_credential is None:
            return None
        return await self._line(spec, spec.read_credential, scope, scrubber)

    def _outside(self, spec: ToolSpec, scope: Scope) -> OutsideSession:
        """Raises Malformed where a policy's rules are none."""
        policies = tuple(read_rules(rules) for rules in scope.egress)
        return OutsideSession(
            Borders(policies=policies, gate=scope.gate, timeout=spec.timeout), self._places, self._tls
        )

    async def _line(self, spec: ToolSpec, name: str, scope: Scope, scrubber: Scrubber) -> Line:
        base = self._bases.get(spec.address)
        if not name:
            raise Unknown(f"{spec.name} names no credential to act with")
        if base is None:
            raise Unknown(f"this worker has no base URL for {spec.address}")
        credential = await self._secrets.fetch(
            tenant=scope.tenant, env=scope.env, name=name, request_id=scope.request_id
        )
        return Line(
            base=base,
            service=Service(address=spec.address, credential=credential.scope),
            credential=credential,
            scope=scope,
            scrubber=scrubber,
            timeout=spec.timeout,
            tls=self._tls,
        )


def _read(spec: ToolSpec, content: Json | Made, scrubber: Scrubber) -> Answer:
    """The answer of a read that succeeded. Raises Malformed where its artifact is none that is kept."""
    made = content if isinstance(content, Made) else None
    said = made.result if made else content
    return Answer(
        outcome=Outcome.SUCCEEDED,
        content=scrubber.result(said),
        text=f"{spec.name} answered",
        artifact=_artifact(made, scrubber) if made else None,
        rules=mentioned(said),
    )


def _artifact(made: Made, scrubber: Scrubber) -> Json:
    """Scrubbed like any result; but a half of it would be another thing, so it is whole or refused."""
    artifact = scrubber.told({"kind": made.kind, "content": made.content})
    if len(canonical(artifact)) > RESULT_LIMIT:
        raise Malformed(f"what it made has more than {RESULT_LIMIT} bytes; make it shorter")
    return artifact


def shown(prepared: Prepared | Answer) -> Prepared | Answer:
    """Without credentials in what was read. What will be sent is shown as it is: nothing in it may hide."""
    if isinstance(prepared, Answer):
        return prepared
    changes = tuple(
        replace(change, before=without_credentials(change.before)) for change in prepared.preview.changes
    )
    return replace(prepared, preview=replace(prepared.preview, changes=changes))


def _same_action(spec: ToolSpec, frozen: Frozen, scope: Scope) -> None:
    """The frozen action, the pinned tool and the capability must speak of one thing."""
    if (frozen.tenant, frozen.env, frozen.request_id) != (scope.tenant, scope.env, scope.request_id):
        raise PermissionRefused(
            "the frozen action and the capability are not of one tenant, environment and run"
        )
    promised = (frozen.tool, frozen.tool_version, frozen.address, frozen.effect, frozen.credential)
    if promised != (spec.name, spec.version, spec.address, spec.effect, spec.credential):
        raise PermissionRefused(f"the frozen action is not of the tool {spec.name} as the run pinned it")


def _hush() -> None:
    """httpx logs URLs, in which a search's words stand; httpcore's debug lines hold a service's headers."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
