"""Known ways to make a client reach what it should not. ``{docs}`` and the like are ports of the sites."""

import asyncio
import zlib
from typing import Final

from tests.integration.toolbox.hostile import (
    Behaviour,
    Request,
    disconnect,
    flood,
    garbage,
    half,
    hang,
    said,
)

D: Final = "docs.example.com:{docs}"

ADDRESSES: Final = {
    "another host": "http://evil.test:{docs}/public/",
    "a host that ends like it": "http://evildocs.example.com:{docs}/public/",
    "a host that starts like it": "http://docs.example.com.evil.test:{docs}/public/",
    "above a wildcard": "http://example.org:{docs}/public/",
    "beside a wildcard": "http://badexample.org:{docs}/public/",
    "userinfo": "http://docs.example.com@127.0.0.1:{docs}/public/",
    "userinfo with a port": "http://docs.example.com:{docs}@127.0.0.1:{docs}/public/",
    "userinfo before the right host": f"http://user:pass@{D}/public/",
    "encoded at sign": "http://docs.example.com%40127.0.0.1:{docs}/public/",
    "backslash for a slash": "http://127.0.0.1:{docs}\\@docs.example.com:{docs}/public/",
    "backslash in the path": f"http://{D}/public\\..\\private",
    "fragment that hides a host": f"http://127.0.0.1:{{docs}}#@{D}/public/",
    "fragment behind a host": f"http://{D}#@127.0.0.1/public/",
    "query that hides a host": f"http://127.0.0.1:{{docs}}?@{D}/public/",
    "loopback": "http://127.0.0.1:{docs}/public/",
    "loopback by name": "http://localhost:{docs}/public/",
    "loopback, short": "http://127.1:{docs}/public/",
    "loopback as one number": "http://2130706433:{docs}/public/",
    "loopback in hex": "http://0x7f000001:{docs}/public/",
    "loopback in octal": "http://0177.0.0.01:{docs}/public/",
    "loopback, mixed": "http://0x7f.0.0.1:{docs}/public/",
    "loopback encoded": "http://%31%32%37%2e0%2e0%2e1:{docs}/public/",
    "loopback in wide digits": "http://\uff11\uff12\uff17.0.0.1:{docs}/public/",
    "loopback in circled digits": "http://\u2460\u2461\u2466.0.0.1:{docs}/public/",
    "unspecified": "http://0.0.0.0:{docs}/public/",
    "unspecified, shortest": "http://0:{docs}/public/",
    "IPv6 loopback": "http://[::1]:{docs}/public/",
    "IPv6 mapped": "http://[::ffff:127.0.0.1]:{docs}/public/",
    "IPv6 mapped in hex": "http://[::ffff:7f00:1]:{docs}/public/",
    "IPv6 zone": "http://[fe80::1%25lo]:{docs}/public/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata as one number": "http://2852039166/latest/meta-data/",
    "metadata by name": "http://metadata.google.internal/computeMetadata/v1/",
    "trailing dot": "http://docs.example.com.:{docs}/public/",
    "empty label": "http://docs..example.com:{docs}/public/",
    "wide full stop": "http://docs.example\u3002com:{docs}/public/",
    "wide letters": "http://\uff44ocs.example.com:{docs}/public/",
    "a look-alike letter": "http://d\u043ecs.example.com:{docs}/public/",
    "a look-alike, written out": "http://xn--dcs-fdd.example.com:{docs}/public/",
    "soft hyphen": "http://docs\u00ad.example.com:{docs}/public/",
    "encoded host": "http://docs%2eexample.com:{docs}/public/",
    "another port": "http://docs.example.com:22/public/",
    "the scheme's own port": "http://docs.example.com/public/",
    "port zero": "http://docs.example.com:0/public/",
    "port out of range": "http://docs.example.com:65536/public/",
    "two ports": "http://docs.example.com:{docs}:80/public/",
    "no scheme": f"{D}/public/",
    "no scheme, two slashes": f"//{D}/public/",
    "one slash": f"http:/{D}/public/",
    "file": "file:///etc/passwd",
    "ftp": f"ftp://{D}/public/",
    "gopher": f"gopher://{D}/public/",
    "line break": f"http://{D}/public/\r\nX-Injected: 1",
    "encoded line break": f"http://{D}/public/%0d%0aX-Injected:%201",
    "tab in the host": "http://docs.exam\tple.com:{docs}/public/",
    "space before": f" http://{D}/public/",
    "null": f"http://{D}/public/%00",
    "climbing": f"http://{D}/public/../private",
    "climbing, encoded": f"http://{D}/public/%2e%2e/private",
    "climbing, encoded twice": f"http://{D}/public/%252e%252e/private",
    "climbing, overlong": f"http://{D}/public/%c0%ae%c0%ae/private",
    "climbing with a parameter": f"http://{D}/public/..;/private",
    "encoded slash": f"http://{D}/public/..%2fprivate",
    "empty segment": f"http://{D}/public//private",
    "another path": f"http://{D}/private",
    "a path that starts like it": f"http://{D}/publicity",
    "a query": f"http://{D}/public/?leak=secret",
    "a query twice": f"http://{D}/public/?q=1&q=secret",
    "a query behind a semicolon": f"http://{D}/public/?q=1;leak=secret",
    "a query that is encoded": f"http://{D}/public/?q%26leak=secret",
    "too long": f"http://{D}/public/{'a' * 2_100}",
}
"""Refused by the decision and by the session alike, before any name is resolved."""

ANSWERS: Final = {
    "loopback": ["127.0.0.1"],
    "another loopback": ["127.8.9.10"],
    "one open, one inside": ["127.0.0.2", "127.0.0.1"],
    "one inside, one open": ["127.0.0.1", "127.0.0.2"],
    "private, ten": ["10.0.0.7"],
    "private, 172": ["172.31.255.254"],
    "private, 192": ["192.168.1.1"],
    "carrier's translation": ["100.64.0.1"],
    "metadata": ["169.254.169.254"],
    "metadata at Alibaba": ["100.100.100.200"],
    "metadata at Oracle": ["192.0.0.192"],
    "agents at Azure": ["168.63.129.16"],
    "unspecified": ["0.0.0.0"],
    "broadcast": ["255.255.255.255"],
    "multicast": ["224.0.0.1"],
    "reserved": ["240.0.0.1"],
    "documentation": ["203.0.113.9"],
    "benchmarks": ["198.18.0.1"],
    "IPv6 loopback": ["::1"],
    "IPv6 unspecified": ["::"],
    "IPv6 mapped": ["::ffff:127.0.0.1"],
    "IPv6 compatible": ["::127.0.0.1"],
    "IPv6 private": ["fd12:3456::1"],
    "IPv6 metadata": ["fd00:ec2::254"],
    "IPv6 link-local": ["fe80::1"],
    "IPv6 with a zone": ["fe80::1%lo"],
    "IPv6 site-local": ["fec0::1"],
    "IPv6 multicast": ["ff02::1"],
    "IPv6 documentation": ["2001:db8::1"],
    "6to4 of loopback": ["2002:7f00:1::"],
    "NAT64 of loopback": ["64:ff9b::7f00:1"],
    "NAT64 of a net's own": ["64:ff9b:1::7f00:1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:80ff:fffe"],
    "no address at all": [],
    "no number": ["localhost"],
}
"""What a permitted host resolves to. Refused by the session before it connects."""

TO: Final = {
    "another host": "http://evil.test:{docs}/",
    "the inside": "http://127.0.0.1:{docs}/public/",
    "a name of the inside": "http://inside.example.org:{docs}/public/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "another path": "/private",
    "climbing": "../private",
    "a query that leaks": "/public/?leak=secret",
    "another port": "http://docs.example.com:22/public/",
    "another scheme": "ftp://docs.example.com/public/",
    "a file": "file:///etc/passwd",
    "a script": "javascript:alert(1)",
    "userinfo": f"http://user@{D}/public/",
    "userinfo that hides": f"http://{D}@127.0.0.1:{{docs}}/public/",
    "two slashes": "//127.0.0.1:{docs}/public/",
    "three slashes": "///127.0.0.1:{docs}/public/",
    "backslashes": "\\\\127.0.0.1:{docs}\\public\\",
    "itself": "/public/start",
    "nowhere": "",
    "a space": "/public/a b",
    "beyond ASCII": "/public/\u00e9",
}
"""Where a permitted page redirects to. Refused; the page itself was asked once."""


async def two_locations(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 302 Moved\r\nLocation: /public/a\r\nLocation: /public/b\r\nContent-Length: 0\r\n\r\n"
    )


async def two_lengths(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"
    )


async def many_headers(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 100_000)
    await writer.drain()
    await asyncio.sleep(30)


async def zipped_on_the_way(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    )


async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    for _step in range(200):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def drops(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def only_hints(_: Request, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


BOMB: Final = zlib.compress(b"x" * 50_000_000, wbits=31)
PLAIN: Final = "text/plain"

BODIES: Final[dict[str, tuple[Behaviour, str]]] = {
    "too long, as it says": (said(200, raw=b"x" * 2_000_000, kind=PLAIN), "more than the 1000000 bytes"),
    "without an end": (endless, "more than the 1000000 bytes"),
    "in chunks without an end": (flood, "[no text"),
    "a bomb": (said(200, raw=BOMB, kind=PLAIN, Content_Encoding="gzip"), "compressed"),
    "a bomb on the way": (zipped_on_the_way, "no proper HTTP"),
    "an encoding in other letters": (
        said(200, raw=BOMB, kind=PLAIN, Content_Encoding="GZip, br"),
        "compressed",
    ),
    "drop by drop": (drops, "in time"),
    "never": (hang, "in time"),
    "only hints": (only_hints, "in time"),
    "nothing": (disconnect, "no proper HTTP"),
    "less than it says": (half, "no"),
    "no HTTP": (garbage, "no proper HTTP"),
    "two lengths": (two_lengths, "no proper HTTP"),
    "headers without an end": (many_headers, "no proper HTTP"),
    "two locations": (two_locations, "several addresses"),
    "no location": (said(302, raw=b""), "nowhere"),
    "not found": (said(404, raw=b"no"), "HTTP 404"),
    "not now": (said(503, raw=b"no"), "HTTP 503"),
    "no status that brings a page": (said(304, raw=b""), "HTTP 304"),
    "a program": (said(200, raw=b"MZ\x00", kind="application/octet-stream"), "[no text"),
    "no type": (said(200, raw=b"MZ\x00", kind=""), "[no text"),
}
"""What a permitted page answers with, and a word of what is said of it."""
