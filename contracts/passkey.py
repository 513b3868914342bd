"""Passkeys: WebAuthn credentials of people, and what they sign. Bytes are base64url without padding."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from contracts.errors import Malformed


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """One credential of a person, as the people file names it."""

    credential_id: str
    #: COSE_Key (RFC 9052).
    public_key: str
    #: What its owner calls it.
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """An authenticator's answer (Web Authentication, section 6.3.3); its challenge is an action's digest."""

    credential_id: str
    authenticator_data: str
    client_data: str
    signature: str

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, document: Any) -> Self:
        """Raises Malformed when the document is no assertion."""
        try:
            found = cls(**document)
        except TypeError as error:
            raise Malformed(f"this is no passkey's answer: {error}") from error
        if not all(isinstance(value, str) for value in asdict(found).values()):
            raise Malformed("this is no passkey's answer: its fields are text")
        return found
