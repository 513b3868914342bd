"""Errors: a name and a sentence, and whether a retry can help.

InterlockError
├── Refused            the answer is no, and stays no
│   ├── Malformed      the bytes or the shape are wrong
│   ├── Unknown        there is no such thing, or not for you
│   ├── TokenRefused   a signature, purpose, audience or expiry does not hold
│   │   └── TokenExpired   a renewed token may be accepted
│   ├── PermissionRefused  policy, scope or standing says no
│   │   └── Denied     it was allowed when it was proposed, and is no more
│   ├── SetupRefused   a neighbour refuses us, not this one thing: an operator can mend that
│   └── Conflict       the same key or identity with other content
│       └── Undone     an undo of the action stands already
├── Halted             a kill switch says not now
└── Unavailable        a neighbour did not answer; a retry may help
    └── RateLimited    it took nothing, and says when to ask again
"""


class InterlockError(Exception):
    """Every error that Interlock raises on purpose; its text is one sentence."""

    retryable = False

    @property
    def name(self) -> str:
        """The error's name, as it appears in Temporal and in problem documents."""
        return type(self).__name__

    @property
    def sentence(self) -> str:
        """What was wrong and, where there is something to do, what to do."""
        return str(self)


class Refused(InterlockError):
    """The answer is no, and asking again changes nothing."""


class Malformed(Refused):
    """The bytes or the shape are wrong."""


class Unknown(Refused):
    """There is no such thing, or none that this principal may know of."""


class TokenRefused(Refused):
    """A signature, purpose, audience or binding does not hold."""


class TokenExpired(TokenRefused):
    """A token was good and is past its time; a renewed one may be accepted."""


class PermissionRefused(Refused):
    """Policy, scope or standing says no."""


class Denied(PermissionRefused):
    """What was allowed when it was proposed is allowed no more."""

    def __init__(self, sentence: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        #: The rules that say so; none where the run itself is closed.
        self.rules = rules


class SetupRefused(Refused):
    """A neighbour refuses us, our token or our settings, not this one thing: an operator can mend that."""


class Conflict(Refused):
    """The same key or identity was used with other content."""


class Undone(Conflict):
    """The action is undone, or being undone, by another run."""


class Halted(InterlockError):
    """A kill switch says not now; the run carries on when it is lifted."""

    retryable = True

    def __init__(self, sentence: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        #: The switches that say so, such as ``switch:tool:ticket.close``.
        self.rules = rules


class Unavailable(InterlockError):
    """A neighbour could not be reached or did not answer; a retry may help."""

    retryable = True


class RateLimited(Unavailable):
    """The neighbour took nothing and says when to ask again."""

    def __init__(self, sentence: str, retry_after: float) -> None:
        super().__init__(sentence)
        #: Seconds.
        self.retry_after = retry_after
