"""A value that must not leave by accident.

A plain string leaks through every convenience: ``repr`` in a traceback with locals, an f-string in a log,
``dataclasses.asdict`` before a JSON encoder, pickle into a cache, a debugger's ``vars``. A ``Secret``
answers none of them; the one way to the value is ``reveal()``, which a reviewer can search for. It is no
dataclass and no pydantic model, because both exist to be serialised: a serialiser that meets one fails.
"""

import hmac
from collections.abc import Callable
from typing import Any, Final, NoReturn, Self, final

_SHOWN: Final = "Secret(…)"


@final
class Secret:
    """Holds one text; equal to another Secret of the same text, in constant time; not hashable."""

    # A closure in a slot: whoever walks ``__dict__`` or ``__slots__`` finds a function, not the value.
    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_reveal", lambda: value)

    def reveal(self) -> str:
        """The value. Call it where the value is used, and keep no copy."""
        return self._reveal()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change: make another one")

    def __repr__(self) -> str:
        return _SHOWN

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    # A set or a dict key of secrets has no use here, and a hash is one more thing derived from the value.
    __hash__ = None  # type: ignore[assignment]  # how Python spells "not hashable"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not serialised: pass its name, and fetch it where it is used")

    def __copy__(self) -> Self:
        raise TypeError("a secret is not copied: pass the one you have")

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        raise TypeError("a secret is not copied: keep records that hold one out of asdict and deepcopy")
