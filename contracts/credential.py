"""A tenant's credential as a tool's session carries it."""

from dataclasses import dataclass

from contracts.secret import Secret


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a request is authenticated with: one header."""

    #: ``dev/acme/ticketing-write``: what the audit calls it.
    scope: str
    header: str
    #: The whole header value, ``Bearer …`` included.
    value: Secret
    #: The bare token, for scrubbing.
    token: Secret
