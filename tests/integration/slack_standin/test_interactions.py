"""Clicks, answers to them, and modals."""

import asyncio
import json
import secrets

import httpx
from slack_sdk.signature import SignatureVerifier

from tests.integration.slack_standin.app import SIGNING_SECRET, App, Json
from tests.integration.slack_standin.blocks import CARD, MODAL, plain, section
from tests.integration.slack_standin.workspace import ROOM, Slack, Start, error_of


async def test_a_click_is_signed_and_shaped_as_slack_does(slack: Slack, app: App) -> None:
    """The app can verify the click with Slack's verifier and finds every field an approval is bound to."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    answer = slack.click(ts)
    assert (answer["status"], answer["acknowledged"]) == (200, True)
    (received,) = app.received
    payload = received["payload"]
    assert received["verified"]
    assert payload["type"] == "block_actions"
    assert payload["team"] == {"id": "T0INTERLOCK", "domain": "interlock"}
    assert payload["user"] == {
        "id": "U0ADA",
        "username": "ada.lovelace",
        "name": "ada.lovelace",
        "team_id": "T0INTERLOCK",
    }
    assert payload["api_app_id"] == "A0INTERLOCK"
    assert payload["channel"] == {"id": ROOM, "name": "approvals"}
    assert payload["container"]["message_ts"] == payload["message"]["ts"] == ts
    assert payload["message"]["blocks"][1]["block_id"] == "decide"
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "decide", "v1")
    assert action["action_ts"] > ts
    assert payload["trigger_id"]
    assert payload["response_url"].startswith(slack.url)


async def test_what_was_sent_can_be_sent_again(slack: Slack, app: App) -> None:
    """The raw body and headers of a click verify when replayed, and not after a change."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    sent = slack.click(ts)
    verifier = SignatureVerifier(SIGNING_SECRET)
    assert verifier.is_valid_request(sent["body_sent"], sent["headers_sent"])
    assert not verifier.is_valid_request(sent["body_sent"].replace("U0ADA", "U0EVE"), sent["headers_sent"])
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(app.url, content=sent["body_sent"], headers=sent["headers_sent"])
    assert len(app.received) == 2
    assert app.received[0]["payload"] == app.received[1]["payload"]
    assert slack.control("GET", "interactions")["interactions"][-1]["body_sent"] == sent["body_sent"]


async def test_a_forged_value_and_a_stale_button_can_be_sent(slack: Slack, app: App) -> None:
    """Control sends another value, and a button that the card no longer has, as a race would."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts, value="forged")
    assert app.received[-1]["payload"]["actions"][0]["value"] == "forged"
    await client.chat_update(channel=ROOM, ts=ts, text="done", blocks=[section("Closed")])
    gone = slack.ask("POST", "click", {"channel": ROOM, "ts": ts, "action_id": "approve", "user": "U0ADA"})
    assert (gone.status_code, gone.json()["detail"]) == (404, "action_not_found")
    slack.click(ts, stale=True)
    assert app.received[-1]["payload"]["message"]["blocks"][1]["block_id"] == "decide"


async def test_a_person_of_another_workspace_carries_its_team(slack: Slack, app: App) -> None:
    """A Slack Connect guest's click names the guest's own workspace."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts, user="U0MALLORY")
    payload = app.received[-1]["payload"]
    assert (payload["user"]["team_id"], payload["team"]["id"]) == ("T0ELSEWHERE", "T0INTERLOCK")


async def test_an_app_that_fails_or_is_slow_has_not_answered(start: Start, app: App) -> None:
    """Past the time to acknowledge, or with another status than 200, a click is not acknowledged."""
    slack = start(ack_seconds=0.3)
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    app.status = 500
    assert not slack.click(ts)["acknowledged"]
    app.status, app.delay = 200, 0.6
    late = slack.click(ts)
    assert (late["status"], late["error"]) == (None, "The app did not answer within 0.3 s.")
    assert slack.click(ts, wait=False)["body_sent"]


async def test_response_url_answers_five_times(slack: Slack, app: App) -> None:
    """A response_url posts to the clicker alone, replaces, deletes, and ends after five uses."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    url = app.received[-1]["payload"]["response_url"]

    def respond(**message: object) -> httpx.Response:
        return httpx.post(url, json=message, trust_env=False)

    assert respond(text="Only for Ada", response_type="ephemeral", replace_original=False).text == "ok"
    (aside,) = slack.control("GET", "ephemerals?user=U0ADA")["ephemerals"]
    assert aside["text"] == "Only for Ada"
    assert slack.control("GET", "ephemerals?user=U0GRACE")["ephemerals"] == []
    assert respond(blocks=[{"type": "carousel"}]).status_code == 400
    assert respond(text="For all", response_type="in_channel").status_code == 200
    assert respond(text="Replaced", replace_original=True).status_code == 200
    assert slack.control("GET", "messages")["messages"][0]["text"] == "Replaced"
    assert respond(text="four").status_code == 200
    assert respond(delete_original=True).status_code == 200
    assert [m["text"] for m in slack.control("GET", "messages")["messages"]] == ["For all"]
    used = respond(text="six")
    assert (used.status_code, used.json()["error"]) == (404, "used_url")


async def test_an_ephemeral_message_is_for_one_person(slack: Slack) -> None:
    """chat.postEphemeral stays out of history and can be clicked by its person alone."""
    client = slack.client()
    sent = await client.chat_postEphemeral(channel=ROOM, user="U0GRACE", text="psst", blocks=CARD)
    assert (await client.conversations_history(channel=ROOM))["messages"] == []
    assert slack.click(sent["message_ts"], user="U0GRACE")["acknowledged"]
    body = {"channel": ROOM, "ts": sent["message_ts"], "action_id": "approve", "user": "U0ADA"}
    assert slack.ask("POST", "click", body).status_code == 404


async def test_a_modal_opens_once_and_is_submitted(slack: Slack, app: App) -> None:
    """A trigger opens one modal; errors keep it open, an empty answer closes it."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    trigger = app.received[-1]["payload"]["trigger_id"]
    view = (await client.views_open(trigger_id=trigger, view=MODAL))["view"]
    assert await error_of(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    values = {"why": {"text": {"type": "plain_text_input", "value": "too risky"}}}
    submission = {"view_id": view["id"], "user": "U0ADA", "values": values}
    app.answer = json.dumps({"response_action": "errors", "errors": {"why": "Say more."}})
    slack.control("POST", "submit", submission)
    assert len(slack.control("GET", "views?user=U0ADA")["views"]) == 1
    app.answer = ""
    assert slack.control("POST", "submit", submission)["acknowledged"]
    payload = app.received[-1]["payload"]
    assert payload["type"] == "view_submission"
    assert payload["view"]["state"]["values"] == values
    assert (payload["view"]["private_metadata"], payload["view"]["callback_id"]) == ("apr_1", "reason")
    assert slack.control("GET", "views?user=U0ADA")["views"] == []


async def test_a_modal_takes_only_answers_that_slack_takes(slack: Slack, app: App) -> None:
    """An error at no field of it, one without words, or no JSON at all: it stays open."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    view = (await client.views_open(trigger_id=app.received[-1]["payload"]["trigger_id"], view=MODAL))["view"]
    submission = {"view_id": view["id"], "user": "U0ADA", "values": {"why": {"text": {"value": "risk"}}}}
    for answer in (
        "ok",
        "[]",
        '{"response_action": "shrug"}',
        '{"response_action": "errors"}',
        '{"response_action": "errors", "errors": {"other": "No."}}',
        '{"response_action": "errors", "errors": {"why": ""}}',
        '{"response_action": "update", "view": {"type": "modal"}}',
    ):
        app.answer = answer
        sent = slack.control("POST", "submit", submission)
        assert (sent["status"], sent["acknowledged"]) == (200, False), answer
        assert len(slack.control("GET", "views")["views"]) == 1, answer
    app.answer = '{"response_action": "clear"}'
    assert slack.control("POST", "submit", submission)["acknowledged"]
    assert slack.control("GET", "views")["views"] == []


async def test_a_modal_sends_off_what_its_fields_let_pass(slack: Slack, app: App) -> None:
    """Too little, too much, nothing, or a field that it does not have never reach the app."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    slack.click(ts)
    element = {"type": "plain_text_input", "action_id": "text", "min_length": 2, "max_length": 4}
    modal = MODAL | {"blocks": [MODAL["blocks"][0] | {"element": element}]}
    view = (await client.views_open(trigger_id=app.received[-1]["payload"]["trigger_id"], view=modal))["view"]
    fits = {"why": {"text": {"value": "risk"}}}
    for values in (
        {},
        {"why": {"other": {"value": "risk"}}},
        {"why": {"text": {"value": None}}},
        {"why": {"text": {"value": "r"}}},
        {"why": {"text": {"value": "risky"}}},
        fits | {"other": {}},
    ):
        asked = slack.ask("POST", "submit", {"view_id": view["id"], "user": "U0ADA", "values": values})
        assert (asked.status_code, asked.json()["detail"]) == (404, "invalid_values"), values
    assert len(app.received) == 1
    slack.control("POST", "submit", {"view_id": view["id"], "user": "U0ADA", "values": fits})
    assert app.received[-1]["payload"]["view"]["state"]["values"] == fits


async def test_a_modal_has_limits_and_a_trigger_ends(slack: Slack, app: App) -> None:
    """Title, private_metadata and a missing submit are refused; so are made-up and old triggers."""
    client = slack.client()
    ts = (await client.chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]

    def fresh() -> str:
        """A trigger lives for three seconds, which a slow machine may need for fewer tries than these."""
        slack.click(ts)
        return str(app.received[-1]["payload"]["trigger_id"])

    for wrong in (
        {"title": plain("x" * 25)},
        {"private_metadata": "x" * 3001},
        {"submit": plain("x" * 25)},
        {"blocks": MODAL["blocks"] * 2},
        {"blocks": [_asking(focus_on_load=True), _asking(focus_on_load=True)]},
        {"blocks": [_asking(min_length=3, max_length=2)]},
        {"blocks": 7},
    ):
        refused = client.views_open(trigger_id=fresh(), view=MODAL | wrong)
        assert await error_of(refused) == "invalid_arguments"
    without = {key: value for key, value in MODAL.items() if key != "submit"}
    assert await error_of(client.views_open(trigger_id=fresh(), view=without)) == "invalid_arguments"
    assert await error_of(client.views_open(trigger_id="made.up", view=MODAL)) == "invalid_arguments"
    late = fresh()
    await asyncio.sleep(3.1)
    assert await error_of(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"


def _asking(**more: object) -> Json:
    """An input block of a block id of its own."""
    block: Json = MODAL["blocks"][0]
    return block | {"block_id": secrets.token_hex(4), "element": block["element"] | more}
