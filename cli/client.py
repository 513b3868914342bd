"""The gateway as the command line asks it."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx

from cli.minting import Ask, mint
from cli.state import State
from contracts.errors import (
    Conflict,
    InterlockError,
    Malformed,
    PermissionRefused,
    Refused,
    TokenRefused,
    Unavailable,
    Unknown,
)

ENDS: Final = frozenset({"completed", "stopped", "failed", "cancelled"})
_WAIT: Final = 20
_ADDRESS: Final = re.compile(r"https?://[^/\s]+")
_VISIBLE: Final = re.compile(r"[!-~]+")
_KINDS: Final[dict[int, type[InterlockError]]] = {
    400: Malformed,
    401: TokenRefused,
    403: PermissionRefused,
    404: Unknown,
    409: Conflict,
    422: Malformed,
}


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How the gateway is reached: the options that every verb of it shares."""

    state: State
    gateway: str | None
    token: str | None

    @classmethod
    def read(cls, state: Path | None, gateway: str | None, token: str | None) -> Self:
        """Options first, then INTERLOCK_GATEWAY and INTERLOCK_TOKEN."""
        return cls(
            state=State.at(state),
            gateway=gateway or os.environ.get("INTERLOCK_GATEWAY") or None,
            token=token or os.environ.get("INTERLOCK_TOKEN") or None,
        )

    def client(self, ask: Ask) -> "Gateway":
        """A client with the given token, or with one of the local stack as ``ask`` says.

        Raises:
            InterlockError: there is no address, or no token can be minted.
        """
        address = (self.gateway or self.state.address("gateway")).rstrip("/")
        if self.token is None and self.gateway is not None:
            raise TokenRefused("a gateway that you name takes a token that you name: give --token as well")
        return Gateway(address, self.token or asyncio.run(mint(self.state, ask)))


class Gateway:
    """Calls of the HTTP interface; a refusal is raised as the error that its problem document names."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        called: str = "gateway",
        option: str = "--gateway",
        patience: float = _WAIT + 15,
    ) -> None:
        """``called``: what answers there, by the address that ``option`` named, within ``patience`` seconds.

        Raises:
            Malformed: the address or the token is none.
        """
        if not _ADDRESS.match(address):
            raise Malformed(f"{address} is no {called}'s address: write one like http://127.0.0.1:8100")
        _check_header("the token", token)
        self._called = called
        self._option = option
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(10, read=patience),
            trust_env=not address.startswith(("http://127.0.0.1", "http://localhost")),
        )

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._ask(
            "GET", path, params={name: value for name, value in query.items() if value is not None}
        )

    def post(self, path: str, body: Any, *, key: str | None = None) -> dict[str, Any]:
        if key is not None:
            _check_header("--key", key)
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": key} if key is not None else {})

    def put(self, path: str, body: Any) -> dict[str, Any]:
        return self._ask("PUT", path, json=body)

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every page of a list, from its start."""
        while True:
            page = self.get(path, **query)
            yield page
            query["cursor"] = page.get("cursor")
            if query["cursor"] is None:
                return

    @contextmanager
    def events(
        self, run_id: str, *, last: str | None = None, follow: bool = True
    ) -> Iterator[httpx.Response]:
        """The run's event stream from after ``last`` on. Raises InterlockError where it is refused."""
        headers = {} if last is None else {"Last-Event-ID": last}
        path, query = f"/v1/runs/{run_id}/events", {"follow": str(follow).lower()}
        with self._http.stream("GET", path, params=query, headers=headers) as answer:
            if not answer.is_success:
                answer.read()
                raise refusal(answer)
            yield answer

    def changes(self, run_id: str, seconds: float | None = None) -> Iterator[dict[str, Any]]:
        """The run now and after each change, to its end or for at most ``seconds``."""
        until = None if seconds is None else time.monotonic() + seconds
        run = self.get(f"/v1/runs/{run_id}")
        yield run
        while run["state"] not in ENDS and (until is None or time.monotonic() < until):
            wait = _WAIT if until is None else max(0, min(_WAIT, int(until - time.monotonic()) + 1))
            later = self.get(f"/v1/runs/{run_id}", wait=wait, version=run["version"])
            if later["version"] != run["version"]:
                yield later
            run = later

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = self._http.request(method, path, **options)
        if answer.is_success:
            return self._document(answer)
        raise refusal(answer, self._called)

    def _document(self, answer: httpx.Response) -> dict[str, Any]:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Malformed(
                f"{answer.url.host} did not answer as a {self._called} does: is {self._option} its address?"
            )
        return found


def _check_header(name: str, text: str) -> None:
    if not _VISIBLE.fullmatch(text):
        raise Malformed(f"{name} must be visible ASCII characters without spaces")


def refusal(answer: httpx.Response, called: str = "gateway") -> InterlockError:
    """The error that an answer means; the sentence is the answer's own where it has one."""
    try:
        problem = answer.json()
        sentence = str(problem.get("detail") or problem.get("title") or "")
        field = problem.get("field")
    except (ValueError, AttributeError):
        sentence, field = "", None
    sentence = sentence or f"the {called} answered {answer.status_code}"
    kind = _KINDS.get(answer.status_code, Unavailable if answer.status_code >= 500 else Refused)
    return kind(f"{sentence} ({field})" if field else sentence)
