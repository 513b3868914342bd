"""What tells one process's pages from another's: their name, their ways, their templates, their cookies."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SHARED: Final = Path(__file__).parent / "templates"
"""Templates of every process's pages."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """The pages of one process. Two on one host share no cookie: each has its own name."""

    #: What the head of every page says.
    name: str
    #: The list where one begins, and what a link there says.
    home: str
    home_link: str
    #: Path and name of what every page links to.
    links: tuple[tuple[str, str], ...]
    #: The command that gives a link to sign in.
    sign_in: str
    #: Pages that somebody is led to once they are signed in.
    wanted: re.Pattern[str]
    cookie: str
    #: Looked through in this order.
    templates: tuple[Path, ...] = (SHARED,)


APPROVALS: Final = Look(
    name="Interlock",
    home="/approvals",
    home_link="What waits for you",
    links=(("/approvals", "Approvals"), ("/passkeys", "Passkeys")),
    sign_in="interlock login YOUR-NAME --open",
    wanted=re.compile(r"/approvals/apr_[0-9a-f]{1,36}"),
    cookie="interlock",
)
"""Of the gateway."""
