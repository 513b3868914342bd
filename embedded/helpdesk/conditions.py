"""If-Match (RFC 9110, 13.1.1) over versions."""

import re
from dataclasses import dataclass
from typing import Self

from embedded.helpdesk.problems import Problem
from embedded.helpdesk.shelves import Versioned

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e]*")')


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The versions under which a write may happen."""

    #: Strong entity tags; None: any version.
    etags: frozenset[str] | None

    @classmethod
    def read(cls, headers: list[str]) -> Self:
        """The condition in the If-Match headers.

        Raises:
            Problem: there is none, or it is no list of entity tags.
        """
        if not headers:
            raise Problem("condition-required", 'send If-Match with the version you saw, such as "3", or *')
        text = ", ".join(headers)
        if text.strip() == "*":
            return cls(etags=None)
        tags = [_TAG.fullmatch(part.strip()) for part in text.split(",")]
        if not all(tags):
            raise Problem("malformed-request", 'If-Match must be * or quoted versions, such as "3"')
        return cls(etags=frozenset(tag[2] for tag in tags if tag and not tag[1]))

    def check(self, target: Versioned) -> None:
        """Raises Problem with the current version when the target is at none of these."""
        if self.etags is not None and target.etag not in self.etags:
            raise Problem(
                "version-mismatch",
                f"{target.id} is at version {target.version}: read it again",
                headers={"ETag": target.etag},
                current_version=target.version,
            )
