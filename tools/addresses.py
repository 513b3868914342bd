"""Where each source's requests and credentials go: the worker's own configuration says so, nothing else."""

from collections.abc import Mapping
from typing import Final

import httpx

from contracts.errors import Malformed
from tools.tool_file import SourceEntry

_PREFIX: Final = "INTERLOCK_ADDRESS_"


def variable(source: str) -> str:
    """``INTERLOCK_ADDRESS_MY_BANK`` of ``my-bank``."""
    return _PREFIX + source.replace("-", "_").upper()


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """The base URLs that an environment gives, by the name of the variable."""
    return {name: value for name, value in environ.items() if name.startswith(_PREFIX) and value}


def base_urls(sources: Mapping[str, SourceEntry], addresses: Mapping[str, str]) -> dict[str, str]:
    """Base URL by source: the given one, else the origin of its document's URL in the tool file.

    A source that has neither is left out. ``addresses`` is of ``given``.
    """
    found = {name: addresses.get(variable(name)) or _own(entry) for name, entry in sources.items()}
    return {name: url for name, url in found.items() if url}


def _own(entry: SourceEntry) -> str | None:
    return origin(entry.openapi) if entry.openapi is not None and is_url(entry.openapi) else None


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def origin(url: str) -> str:
    """``http://127.0.0.1:9100`` of a URL. Raises Malformed, without repeating it, where it has none."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.fragment:
        raise Malformed("this is no plain http or https URL: give one without a user, a password or a #")
    return f"{parsed.scheme}://{parsed.netloc.decode()}"
