"""The software passkey of drills, with every lie that a test wants told."""

from typing import Any, Final

from webauthn.helpers import encode_cbor

from adapters.passkeys import encoded as encoded
from contracts.passkey import Assertion
from embedded.soft_passkey import PRESENT as PRESENT
from embedded.soft_passkey import VERIFIED as VERIFIED
from embedded.soft_passkey import SoftPasskey as Honest
from embedded.soft_passkey import client_data

ATTESTED: Final = 0x40
ORIGIN: Final = "http://localhost:7710"


class SoftPasskey(Honest):
    """One credential that signs whatever it is told to."""

    def sign(
        self,
        digest: str,
        origin: str = ORIGIN,
        *,
        host: str | None = None,
        flags: int = PRESENT | VERIFIED,
        **client: Any,
    ) -> Assertion:
        """``client``: fields of the client data that are other than a browser's."""
        raw = bytes.fromhex(digest.removeprefix("sha256:"))
        seen = client_data("webauthn.get", raw, origin, **client)
        return self.assertion(seen, self.authenticator_data(flags, host))

    def register(
        self, challenge: bytes, origin: str = ORIGIN, *, flags: int = PRESENT | VERIFIED, **client: Any
    ) -> dict[str, str]:
        """What ``navigator.credentials.create`` gives, with no attestation."""
        made = len(self.credential_id).to_bytes(2, "big") + self.credential_id + self.cose()
        data = self.authenticator_data(flags | ATTESTED) + bytes(16) + made
        return {
            "credential_id": encoded(self.credential_id),
            "client_data": encoded(client_data("webauthn.create", challenge, origin, **client)),
            "attestation": encoded(encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})),
        }
