"""Blocks that messages are made from."""

from tests.integration.slack_standin.app import Json


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": plain(text)}


def button(action_id: str = "approve", **more: object) -> Json:
    return {"type": "button", "text": plain("Approve"), "action_id": action_id, "value": "v1"} | more


def actions(*elements: Json, **more: object) -> Json:
    return {"type": "actions", "elements": list(elements)} | more


def confirm(**more: object) -> Json:
    return {"title": plain("T"), "text": plain("t"), "confirm": plain("Yes"), "deny": plain("No")} | more


CARD = [section("Close T-18421?"), actions(button(), button("deny", value="v2"), block_id="decide")]
MODAL: Json = {
    "type": "modal",
    "callback_id": "reason",
    "private_metadata": "apr_1",
    "title": plain("Why?"),
    "submit": plain("Send"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}
