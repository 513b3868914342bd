"""Getting a service's document: bounded, in time, without any credential, and from one origin."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from contracts.errors import Malformed
from policies.arguments import clean
from tools.addresses import is_url, origin

LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a document, at most."""

_SECONDS: Final = 15.0
_SILENCE: Final = 5.0
_HOPS: Final = 3
# What is not compressed cannot unfold beyond the bound.
_HEADERS: Final = {"Accept": "application/json, */*;q=0.5", "Accept-Encoding": "identity"}


@dataclass(frozen=True, kw_only=True)
class Retrieved:
    """The bytes of a document as text, and where they came from."""

    text: str
    #: None: a file.
    url: str | None


def retrieve(where: str, folder: Path) -> Retrieved:
    """The document at a URL, or in a file whose path is relative to ``folder``. Blocks, 15 s at most.

    Raises:
        Malformed: it cannot be had; the sentence says why and repeats no query of a URL.
    """
    if is_url(where):
        return _fetched(where)
    if "://" in where:
        raise Malformed("a document is an http or https URL, or a path beside the tool file")
    try:
        with (folder / where).open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        raise Malformed(f"the document {clean(where, 200)} cannot be read ({reason})") from error
    return Retrieved(text=_text(data), url=None)


def _fetched(where: str) -> Retrieved:
    own, url = origin(where), where
    deadline = time.monotonic() + _SECONDS
    try:
        # No proxy, no credential of a netrc: what the tool worker would not use, this does not either.
        with httpx.Client(timeout=_SILENCE, trust_env=False, follow_redirects=False) as client:
            for _ in range(_HOPS + 1):
                answer, data = _answer(client, url, deadline)
                if answer.next_request is None:
                    return Retrieved(text=_good(answer, data, own), url=url)
                url = str(answer.next_request.url)
                if origin(url) != own:
                    raise Malformed(
                        f"the document at {own} redirects to another origin: name that address instead"
                    )
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        reason = type(error).__name__
    else:
        raise Malformed(f"the document at {own} redirects more than {_HOPS} times")
    raise Malformed(
        f"the document could not be fetched from {own} ({reason}): start the service, or give a file"
    )


def _answer(client: httpx.Client, url: str, deadline: float) -> tuple[httpx.Response, bytes]:
    with client.stream("GET", url, headers=_HEADERS) as answer:
        data = bytearray()
        for chunk in answer.iter_raw(65_536):
            data += chunk
            if len(data) > LIMIT or time.monotonic() > deadline:
                raise Malformed(f"the document is longer than {LIMIT} bytes, or took too long to come")
    return answer, bytes(data)


def _good(answer: httpx.Response, data: bytes, own: str) -> str:
    if answer.status_code != httpx.codes.OK:
        raise Malformed(f"{own} answered HTTP {answer.status_code} where its document should be")
    return _text(data)


def _text(data: bytes) -> str:
    if len(data) > LIMIT:
        raise Malformed(f"the document is longer than {LIMIT} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("the document is no UTF-8") from error
