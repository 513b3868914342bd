"""What tells a person's word from one that somebody made up for them."""

from dataclasses import dataclass, replace

from contracts.ports import PasskeyVerifier
from contracts.tokens import Grant, Verifier
from policies.people import People


@dataclass(frozen=True, kw_only=True)
class Proofs:
    """The signatures on a grant: of the grant key, and of the person's own passkey."""

    verifier: Verifier
    passkeys: PasskeyVerifier

    def proven(self, grant: Grant, people: People) -> Grant:
        """The grant, without a passkey's signature that does not hold: the grant key may sign a lie."""
        person = people.by_principal(grant.approver)
        if grant.assertion is None or person is None:
            return grant
        holds = self.passkeys.verified(grant.assertion, person, grant.action_digest)
        return grant if holds else replace(grant, assertion=None)
