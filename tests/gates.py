"""Gates for sessions under test."""

from dataclasses import dataclass, field

from contracts.errors import InterlockError


async def open_gate() -> None:
    """Let every request leave."""


@dataclass
class Counted:
    """A gate that counts who asks, and says no from the ``opens``-th time on."""

    no: InterlockError
    opens: int = 0
    asked: list[float] = field(default_factory=list)

    async def __call__(self) -> None:
        self.asked.append(0.0)
        if len(self.asked) > self.opens:
            raise self.no
