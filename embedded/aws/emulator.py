"""The emulator's process: ministack behind a gate.

By itself ministack 1.5.33 lets three things pass that would make its IAM worth nothing here. A request whose
access key is ``test``, twelve digits or the configured root key is root, its signature unchecked. Anyone may
post to ``/_ministack/reset`` and its neighbours. And state is written at a clean shutdown only, so that a
kill loses every secret. The gate lets nothing in but requests signed in their header, checks root's signature
with ministack's own code, shows one path of its administration, and writes state before a change is answered.

Run as ``python -m embedded.aws.emulator``; ``server.start_command`` sets the environment it needs.
"""

import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

READY: Final = "/_ministack/ready"

_LARGEST: Final = 4 * 1024 * 1024
_KEPT: Final = ("iam", "secretsmanager", "s3")
# Too long for ``test`` and for twelve digits, which ministack takes for root.
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<key>[A-Z0-9]{16,128})/\d{8}/[a-z0-9-]+/(?P<service>[a-z0-9]+)/aws4_request,"
    r" ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}"
)
_QUERY_SIGNED: Final = re.compile(rb"(?i)(x-amz-(algorithm|credential|signature)|awsaccesskeyid|signature)=")
_READS: Final = re.compile(r"secretsmanager\.(Get|List|Describe|BatchGet|Validate)\w*")


class Gate:
    """An ASGI application around ministack's."""

    def __init__(self, inner: App, *, root_key: str, root_secret: str, save: Callable[[], None]) -> None:
        self._inner = inner
        self._root_key = root_key
        self._root_secret = root_secret
        self._save = save

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or _asks_readiness(scope):
            await self._inner(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        signed = _signed(scope)
        body = await _body(receive) if signed else None
        if signed is None or body is None or not self._admits(signed["key"], scope, body):
            await _refuse(scope, send)
            return
        held: list[Message] = []
        changes = _changes(scope, signed["service"])

        async def hold(message: Message) -> None:
            held.append(message)

        await self._inner(scope, _replay(body, receive), hold if changes else send)
        if changes:
            self._save()
            for message in held:
                await send(message)

    def _admits(self, key: str, scope: Message, body: bytes) -> bool:
        """Whether ministack may judge it: it checks every signature but root's."""
        return key != self._root_key or _root_signed(scope, body, self._root_secret)


def _asks_readiness(scope: Message) -> bool:
    return (scope["type"], scope.get("method"), scope.get("path")) == ("http", "GET", READY)


def _signed(scope: Message) -> re.Match[str] | None:
    """The parts of the request's only signature, where it is one in a header and the path is AWS's."""
    values = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
    if len(values) != 1 or scope["path"].startswith("/_") or _QUERY_SIGNED.search(scope["query_string"]):
        return None
    return _SIGNED.fullmatch(values[0].decode("latin-1"))


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is larger than anything the stack sends, or was cut off."""
    parts = bytearray()
    while len(parts) <= _LARGEST:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(parts)
    return None


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


def _root_signed(scope: Message, body: bytes, secret: str) -> bool:
    # ministack brings no types, and reads its environment when it is imported.
    from ministack.core import sigv4  # type: ignore[import-untyped]

    headers = {
        name.decode("latin-1").lower(): sigv4.decode_header_value(value) for name, value in scope["headers"]
    }
    signature = sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple) or sigv4.request_time_failure(signature) is not None:
        return False
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path = scope["raw_path"].decode("latin-1")
    failure = sigv4.header_signature_failure(signature, secret, scope["method"], path, query, headers, body)
    return failure is None


def _changes(scope: Message, service: str) -> bool:
    """Whether the call may change what is kept; ministack writes S3's objects through by itself."""
    if scope["method"] in ("GET", "HEAD"):
        return False
    if service == "s3":
        return "/" not in scope["path"].strip("/")
    target = next((value for name, value in scope["headers"] if name.lower() == b"x-amz-target"), b"")
    return service in _KEPT and not _READS.fullmatch(target.decode("latin-1"))


async def _refuse(scope: Message, send: Send) -> None:
    said = b"Sign the request in its header, with a key that is known here."
    if any(name.lower() == b"x-amz-target" for name, _ in scope["headers"]):
        kind, body = (
            b"application/x-amz-json-1.1",
            b'{"__type": "AccessDeniedException", "message": "%s"}' % said,
        )
    else:
        inner = b"<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>%s</Message></Error>" % said
        kind, body = b"text/xml", b"<ErrorResponse>%s</ErrorResponse>" % inner
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until SIGTERM."""
    # Its state files hold every secret of the embedded stack.
    os.umask(0o077)
    from ministack import app as ministack  # type: ignore[import-untyped]  # see above
    from ministack.core.persistence import save_all  # type: ignore[import-untyped]  # see above

    def save() -> None:
        states = ministack._build_persistence_save_dict()
        save_all({name: state for name, state in states.items() if name in _KEPT})

    ministack.app = Gate(
        ministack.app,
        root_key=os.environ["AWS_ACCESS_KEY_ID"],
        root_secret=os.environ["AWS_SECRET_ACCESS_KEY"],
        save=save,
    )
    ministack.main()


if __name__ == "__main__":
    main()
