"""What an activity was given and is an attempt: in its header, its workflow's id or its arguments."""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from temporalio import activity
from temporalio.worker import ExecuteActivityInput

from contracts.attempts import PROVES_NOTHING, Attempt, Found
from contracts.digest import Json
from contracts.errors import TokenExpired, TokenRefused
from policies.arguments import clean
from policies.attempts import found


def presented_wrongly(token: str | None) -> Attempt | None:
    """A capability or a workflow's id that speaks of break-glass: no run has such, so none goes on."""
    places = {"in the header of": token, "in the workflow id of": activity.info().workflow_id}
    return _first(places)


def argued(call: ExecuteActivityInput) -> Attempt | None:
    """Arguments that speak of it. An end's may quote somebody, so the activity's own rules judge them."""
    return _first({"in the arguments of": [_plain(one) for one in call.args]})


def _first(places: Mapping[str, Json]) -> Attempt | None:
    for place, value in places.items():
        what = found(value)
        if what is not None:
            return _attempt(what.rule, f"{what.words} came {place}")
    return None


def refused(error: TokenRefused, seen: Attempt | None) -> Attempt | None:
    """Any token that an activity refused is worth a record; what ``seen`` says where it only ran out."""
    if isinstance(error, TokenExpired):
        return seen
    return seen or _attempt(PROVES_NOTHING, f"{_sentence(error)}, said")


def workflow_named(workflow_id: str | None) -> str:
    """A workflow for the record: an id that is a session's or a token is not in it."""
    shown = "…" if found(workflow_id) is not None else clean(workflow_id or "", 60)
    return f"the workflow {shown}"


def _attempt(rule: str, what: str) -> Attempt:
    info = activity.info()
    return Attempt(
        rule=rule, reason=f"{what} the activity {info.activity_type} of {workflow_named(info.workflow_id)}"
    )


def _sentence(error: TokenRefused) -> str:
    """A field that its signer made up may be named in it."""
    return (
        "a token was refused" if found(error.sentence.split()) is Found.TOKEN else clean(error.sentence, 160)
    )


def _plain(value: Any) -> Json:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
