"""What a provider's failure means for the run: try again, or the answer is no.

The sentences are ours. A provider's own text may quote the prompt or the key, so none of it is passed on.
"""

from typing import Final

from contracts.errors import InterlockError, Refused, Unavailable

#: Answers of the HTTP layer, below 500, that a retry may change.
_TRANSIENT: Final = frozenset({408, 409, 425, 429})


def failure(error: Exception, provider: str, model: str) -> InterlockError:
    """The error to raise in place of ``error``."""
    from pydantic_ai import exceptions

    who = f"{provider}:{model[:80]}"
    match error:
        case exceptions.ModelQuotaExceededError():
            return Refused(f"{who} refused the request: the account's quota or credit is used up")
        case exceptions.ModelRequestTimeout() | exceptions.ModelTimeoutError():
            return Unavailable(f"{who} did not answer in time")
        case exceptions.ModelConnectionError():
            return Unavailable(f"{provider} could not be reached for {model[:80]}")
        case exceptions.ModelHTTPError():
            return _answered(error, who)
        case exceptions.UserError() | NotImplementedError():
            return Refused(f"{who} cannot be asked this: check the model's name and the route's tools")
        case _:
            # A broken answer, or a fault in an SDK, whose text may hold anything: only its kind is told.
            return Unavailable(f"{who} gave no usable answer ({type(error).__name__})")


def _answered(error: Exception, who: str) -> InterlockError:
    from pydantic_ai import exceptions

    status = getattr(error, "status_code", 0)
    if status >= 500 or status in _TRANSIENT:
        return Unavailable(f"{who} is busy or out of order (HTTP {status})")
    match error:
        case exceptions.ModelAuthenticationError():
            return Refused(
                f"{who} refused our credentials (HTTP {status}): check the agent worker's key and its rights"
            )
        case exceptions.ModelNotFoundError():
            return Refused(
                f"{who} is not known to the provider (HTTP {status}): check model.name in the route"
            )
        case exceptions.ModelContextWindowExceededError():
            return Refused(
                f"{who} refused the request (HTTP {status}): the transcript is longer than it can take"
            )
        case _:
            return Refused(f"{who} refused the request (HTTP {status})")
