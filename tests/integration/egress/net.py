"""A small internet on loopback: 127.0.0.2 stands for what is open, 127.0.0.1 and ::1 for what is inside."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tools
from contracts.decision import Call, Decision
from contracts.toolbox import Answer
from policies.decide import decide
from policies.route import Route
from tests.integration.egress.authority import Authority
from tests.integration.toolbox.hostile import Behaviour, Request, read_request, said
from tests.integration.toolbox.vault import SCOPE, Vault
from tools.internet import is_open
from tools.load import load_tools
from tools.resolver import Places
from tools.toolbox import HttpToolbox

OPEN: Final = "127.0.0.2"
#: Open too, and nothing is there.
AWAY: Final = "127.0.0.3"
INSIDE: Final = ("127.0.0.1", "::1")
LOADED: Final = load_tools(Path(tools.__file__).with_name("helpdesk.yaml"))
GET: Final = LOADED.catalogue.tools["http.get"]
PAGE: Final = said(200, raw=b"<title>Docs</title><p>Hello.</p>", kind="text/html; charset=utf-8")


class Names:
    """Implements ``Resolver`` over a dictionary: the answers of each host, one for each time it is asked."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.answers = {host: list(each) for host, each in answers.items()}
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host, [[OPEN]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass(kw_only=True)
class Site:
    """A server that keeps what it was asked, and answers each path as it is told."""

    paths: dict[str, Behaviour] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    serving: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await read_request(reader)
            self.requests.append(request)
            await self.paths.get(request.line.split()[1].partition("?")[0], PAGE)(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client hung up, as several tricks want
        finally:
            writer.close()


@dataclass(kw_only=True)
class Net:
    """The sites, and a toolbox that reaches them as the tool worker's would."""

    #: Open, by HTTP.
    docs: Site = field(default_factory=Site)
    #: Open, by TLS, with a certificate for docs.example.com.
    safe: Site = field(default_factory=Site)
    #: Open, by TLS, with a certificate for another name.
    false: Site = field(default_factory=Site)
    #: Inside, at the ports of the open ones.
    inside: Site = field(default_factory=Site)
    ports: dict[str, int] = field(default_factory=dict)
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    names: Names = field(default_factory=lambda: Names({}))
    own: dict[str, str] = field(default_factory=dict)

    def written(self, text: str) -> str:
        """With the ports in it: ``{docs}``, ``{safe}``, ``{false}``."""
        for name, port in self.ports.items():
            text = text.replace(f"{{{name}}}", str(port))
        return text

    def rules(self, **keys: Any) -> list[dict[str, Any]]:
        """What routes here permit, unless it is said otherwise."""
        both = {"schemes": ["https", "http"], "paths": ["/public/", "/faq"], "query": ["q"], **keys}
        hosts = ("docs.example.com:{docs}", "*.example.org:{docs}", "docs.example.com:{safe}")
        return [{"host": self.written(host), **both} for host in (*hosts, "docs.example.com:{false}")]

    def decided(self, url: str) -> Decision:
        route = Route.read(
            {
                "name": "research",
                "model": {"name": "rules"},
                "allow_tools": ["http.get"],
                "budgets": {"steps": 12, "seconds": 60, "usd": "0.50", "denials": 2},
                "egress": self.rules(),
            }
        )
        call = Call(tool="http.get", arguments={"url": self.written(url)})
        return decide(route, LOADED.catalogue, call, now_ms=1_780_000_000_000)

    def places(self) -> Places:
        return Places(self.names, self.own, judge=lambda text: text in (OPEN, AWAY) or is_open(text))

    async def get(self, url: str, *policies: Any, timeout: int = 10) -> Answer:
        """``http.get``, under these policies' rules; each is what ``rules`` says where none are given."""
        box = HttpToolbox(LOADED.operations, Vault({}), {}, tls=self.tls, places=self.places())
        scope = replace(SCOPE, egress=policies or (self.rules(), self.rules()))
        return await box.read(replace(GET, timeout=timeout), {"url": self.written(url)}, scope)


@asynccontextmanager
async def net(authority: Authority) -> AsyncIterator[Net]:
    made = Net(tls=authority.trusting())
    contexts = {
        "docs": None,
        "safe": authority.serving("docs.example.com"),
        "false": authority.serving("other.example.com"),
    }
    async with AsyncExitStack() as stack:
        for name, context in contexts.items():
            made.ports[name] = await _opened(stack, getattr(made, name), made.inside, context)
        yield made
        for site in (made.docs, made.safe, made.false, made.inside):
            for task in site.serving:
                task.cancel()
            await asyncio.gather(*site.serving, return_exceptions=True)


async def _opened(stack: AsyncExitStack, site: Site, inside: Site, context: ssl.SSLContext | None) -> int:
    """The port at which the site is, and at the addresses inside that one."""
    for _ in range(20):
        server = await asyncio.start_server(site.accept, OPEN, 0, ssl=context)
        stack.callback(server.close)
        port: int = server.sockets[0].getsockname()[1]
        try:
            for host in INSIDE:
                inner = await asyncio.start_server(inside.accept, host, port, ssl=context)
                stack.callback(inner.close)
        except OSError:
            continue  # somebody else has the port there
        return port
    raise AssertionError("no port was free at all addresses")
