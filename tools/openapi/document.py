"""A service's OpenAPI document: its version, what its references mean, its operations and servers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self
from urllib.parse import unquote, urljoin, urlsplit

from contracts.digest import Json
from contracts.errors import Malformed
from policies.arguments import clean
from policies.problem import did_you_mean
from tools.addresses import is_url, origin
from tools.openapi.retrieval import Retrieved
from tools.openapi.text import parse

METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options", "trace")

_VERSION: Final = re.compile(r"3\.([01])\.\d+(-.+)?")
_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
_HOPS: Final = 16
_SHOWN: Final = 120


class Elsewhere(Malformed):
    """The document would have requests sent to another origin than its own."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """An operation as it stands in the document."""

    name: str
    #: In capitals.
    method: str
    #: As the document writes it, without a server's prefix.
    path: str
    body: Mapping[str, Json]
    #: What the operations of its path share.
    item: Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Document:
    """Read, and nothing else yet."""

    root: Mapping[str, Json]
    #: Of OpenAPI 3: 0 or 1.
    minor: int
    #: None: a file.
    url: str | None

    @classmethod
    def read(cls, retrieved: Retrieved) -> Self:
        """Raises Malformed where it is no OpenAPI 3.0 or 3.1 document."""
        root = parse(retrieved.text)
        said = root.get("openapi") if isinstance(root, dict) else None
        version = _VERSION.fullmatch(said) if isinstance(said, str) else None
        if version is None:
            shown = f" (it says `{clean(str(said), 20)}`)" if said is not None else ""
            raise Malformed(f"this is no OpenAPI 3.0 or 3.1 document{shown}")
        return cls(root=root, minor=int(version[1]), url=retrieved.url)

    def operation(self, name: str) -> Described:
        """The operation of this ``operationId``. Raises Malformed where there is none, or more than one."""
        found = [one for one in self._operations if one.name == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise Malformed(f"`{name}` names {len(found)} operations of the document")
        if name in self._webhooks:
            raise Malformed(f"`{name}` is a webhook, which the service calls and nobody else")
        hint = did_you_mean(name, [one.name for one in self._operations])
        raise Malformed(f"the document has no operation `{name}`" + (f"; {hint}" if hint else ""))

    def resolved(self, node: Json) -> Mapping[str, Json]:
        """An object, or the one that its ``$ref`` leads to. Raises Malformed."""
        for _ in range(_HOPS):
            if not isinstance(node, dict):
                raise Malformed("the document has no object where one should be")
            if "$ref" not in node:
                return node
            node = self.at(node["$ref"])
        raise Malformed("a reference of the document leads in a circle")

    def at(self, reference: Json) -> Json:
        """What a local reference leads to. Raises Malformed; nothing outside the document is ever asked."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            shown = clean(str(reference), _SHOWN)
            raise Malformed(f"the reference `{shown}` leads out of the document, and only `#/…` is followed")
        node: Json = self.root
        for part in reference[1:].split("/")[1:]:
            node = _step(node, unquote(part).replace("~1", "/").replace("~0", "~"), reference)
        return node

    def prefix(self, operation: Described, address: str | None) -> str:
        """The path that the server's URL puts before the operation's; empty where there is none.

        Args:
            operation: its servers, else its path's, else the document's.
            address: the base URL that the configuration gives; None: the document's own origin is asked.

        Raises:
            Elsewhere: without an address, no server is of the document's origin.
        """
        nodes = (operation.body.get("servers"), operation.item.get("servers"), self.root.get("servers"))
        servers = next((node for node in nodes if isinstance(node, list) and node), [{"url": "/"}])
        urls = [_joined(self.url or "", _filled(server)) for server in servers]
        fit = [url for url in urls if address is not None or self._own(url)]
        if not fit:
            there = clean(_place(urls[0]), _SHOWN)
            raise Elsewhere(
                f"the document's server is at another origin ({there}), and only the configuration says where"
                " a credential is sent"
            )
        return urlsplit(fit[0]).path.rstrip("/")

    def _own(self, url: str) -> bool:
        return self.url is not None and is_url(url) and _place(url) == _place(self.url)

    @cached_property
    def _operations(self) -> tuple[Described, ...]:
        return tuple(self._found(self.root.get("paths")))

    @cached_property
    def _webhooks(self) -> frozenset[str]:
        return frozenset(one.name for one in self._found(self.root.get("webhooks")))

    def _found(self, paths: Json) -> Iterator[Described]:
        for path, node in paths.items() if isinstance(paths, dict) else ():
            item = self.resolved(node) if isinstance(node, dict) else {}
            for method in METHODS:
                body = item.get(method)
                if isinstance(body, dict) and isinstance(body.get("operationId"), str):
                    name = body["operationId"]
                    yield Described(name=name, method=method.upper(), path=path, body=body, item=item)


def _step(node: Json, part: str, reference: str) -> Json:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, list) and part.isascii() and part.isdigit() and int(part) < len(node):
        return node[int(part)]
    raise Malformed(f"the reference `{clean(reference, _SHOWN)}` leads to nothing")


def _joined(base: str, url: str) -> str:
    try:
        return urlsplit(urljoin(base, url)).geturl()
    except ValueError:
        raise Malformed("a server of the document has no URL") from None


def _filled(server: Json) -> str:
    """A server's URL with its variables' defaults."""
    url = server.get("url") if isinstance(server, dict) else None
    if not isinstance(url, str):
        raise Malformed("a server of the document has no URL")
    variables = server.get("variables", {})

    def default(variable: re.Match[str]) -> str:
        known = variables.get(variable[1]) if isinstance(variables, dict) else None
        return str(known.get("default", "")) if isinstance(known, dict) else ""

    return _VARIABLE.sub(default, url)


def _place(url: str) -> str:
    """The origin in one spelling; empty where there is none."""
    try:
        parsed = urlsplit(origin(url))
        port = parsed.port
    except (Malformed, ValueError):
        return ""
    return f"{parsed.scheme}://{parsed.hostname}:{port or (443 if parsed.scheme == 'https' else 80)}"
