"""A signed token in few bytes: a history keeps one with every call that it lets through."""

import base64
import binascii
import zlib
from typing import Final

from contracts.errors import TokenRefused

_LONGEST: Final = 16_384
_LINE: Final = b"\n"
#: What capabilities have in common. Never changed: a worker of another version unpacks with it.
_KNOWN: Final = (
    b'{"alg":"EdDSA","kid":"","typ":"interlock-capability+jwt"}\n{"jti":"","run_id":"run_","tenant":"",'
    b'"env":"prod","route":"support/","tools":["",""],"policy_digest":"sha256:","warrant_digest":"sha256:",'
    b'"exp":17,"action_digest":"sha256:","key_hash":"sha256:","aud":"interlock:tools","iat":17'
)


def packed(token: str) -> bytes | None:
    """The token's parts, compressed; None where unpacking them would not give back the same token."""
    try:
        parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]
        writer = zlib.compressobj(level=9, zdict=_KNOWN)
        found = writer.compress(_LINE.join(parts)) + writer.flush()
        return found if unpacked(found) == token else None
    except (binascii.Error, ValueError, TokenRefused):
        return None


def unpacked(content: bytes) -> str:
    """The token again. Raises TokenRefused for what is none."""
    reader = zlib.decompressobj(zdict=_KNOWN)
    try:
        parts = reader.decompress(content, _LONGEST).split(_LINE, 2)
    except zlib.error as error:
        raise TokenRefused("this is no packed token") from error
    if not reader.eof or len(parts) != 3:
        raise TokenRefused("this is no packed token")
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
