"""The header that makes a repeated request the same one."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Request

from gateway.problems import Problem, ProblemType


def only_key(meaning: str) -> Callable[..., str]:
    """A dependency: the one ``Idempotency-Key`` of a request. ``meaning``: what OpenAPI says of it."""

    def read(
        request: Request,
        key: Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,255}$", description=meaning)],
    ) -> str:
        if len(request.headers.getlist("Idempotency-Key")) > 1:
            raise Problem(
                ProblemType.IDEMPOTENCY_KEY, "send one Idempotency-Key, not several", field="Idempotency-Key"
            )
        return key

    return read
