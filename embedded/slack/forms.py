"""A modal that is sent off: what Slack's own clients let pass, and what Slack takes for the app's answer."""

import json
from collections.abc import Mapping

from embedded.slack import blocks as kit
from embedded.slack.checks import Json

_MOST = 3000
#: Slack knows ``push`` too, whose stack of modals the page does not draw.
_ACTIONS = ("errors", "update", "clear")


def inputs(view: Json) -> dict[str, Json]:
    """The modal's input blocks by their ids."""
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def complaints(view: Json, values: Mapping[str, Mapping[str, Json]]) -> dict[str, str]:
    """Why a client does not send these values off, by block; Slack's server never shows them to the app."""
    known = inputs(view)
    found = {name: "There is no such field." for name in values if name not in known}
    for name, block in known.items():
        if said := _complaint(block, values.get(name, {})):
            found[name] = said
    return found


def _complaint(block: Json, values: Mapping[str, Json]) -> str:
    element = block["element"]
    state = values.get(element["action_id"], {})
    value = state.get("selected_option") if element["type"] == "static_select" else state.get("value")
    if not value:
        return "" if block.get("optional") else "Please complete this required field."
    if isinstance(value, str):
        if len(value) > element.get("max_length", _MOST):
            return f"Must be at most {element.get('max_length', _MOST)} characters."
        if len(value) < element.get("min_length", 0):
            return f"Must be at least {element['min_length']} characters."
    return ""


def read_answer(body: str, view: Json) -> Json | None:
    """What the app's acknowledgement asks of the modal; {}: to close it. None: nothing that Slack takes."""
    if not body.strip():
        return {}
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    if asked == {}:
        return {}
    if not isinstance(asked, dict) or asked.get("response_action") not in _ACTIONS:
        return None
    match asked["response_action"]:
        case "errors":
            return asked if _errors(asked.get("errors"), view) else None
        case "update":
            return None if kit.complaints(kit.VIEW, "/view", asked.get("view")) else asked
        case _:
            return asked


def _errors(errors: object, view: Json) -> bool:
    """Each has to stand at a field of the modal."""
    return (
        isinstance(errors, dict)
        and bool(errors)
        and errors.keys() <= inputs(view).keys()
        and all(isinstance(said, str) and said for said in errors.values())
    )
