"""The page's doors."""

from embedded.slack import mrkdwn
from tests.integration.slack_standin.app import App, Json
from tests.integration.slack_standin.blocks import CARD, actions, button, confirm, plain, section
from tests.integration.slack_standin.workspace import BOT_TOKEN, ROOM, Slack


async def test_control_needs_its_token(slack: Slack) -> None:
    """Neither no token nor the bot's own opens the control interface."""
    assert slack.http("GET", "/control/messages").status_code == 401
    assert slack.http("GET", "/control/messages", Authorization=f"Bearer {BOT_TOKEN}").status_code == 401


async def test_only_the_page_itself_clicks(slack: Slack, app: App) -> None:
    """A click from another site, from no site, or under a foreign host name is refused."""
    ts = (await slack.client().chat_postMessage(channel=ROOM, text="card", blocks=CARD))["ts"]
    body = {"channel": ROOM, "ts": ts, "user": "U0ADA", "block_id": "decide", "action_id": "approve"}

    def press(**headers: str) -> int:
        return slack.http("POST", "/page/click", body, **headers).status_code

    assert press() == 403
    assert press(Origin="https://evil.example") == 403
    assert press(Origin=slack.url, Sec_Fetch_Site="cross-site") == 403
    assert press(Origin="http://evil.example", Host="evil.example") == 400
    assert app.received == []
    assert press(Origin=slack.url, Sec_Fetch_Site="same-origin") == 200
    assert len(app.received) == 1


async def test_the_page_escapes_and_is_sealed(slack: Slack) -> None:
    """Markup in a message is shown as text, under a policy that allows no foreign script."""
    evil = "<img src=x onerror=alert(1)> \"'& <javascript:alert(1)|click>"
    blocks: list[Json] = [
        section(evil),
        {"type": "section", "text": {"type": "mrkdwn", "text": evil + " *b* `<b>`"}},
        actions(
            button(value=evil, text=plain("<b>x</b>"), confirm=confirm(text=plain(evil), title=plain(evil)))
        ),
    ]
    await slack.client().chat_postMessage(channel=ROOM, text=evil, blocks=blocks)
    page = slack.http("GET", f"/channels/{ROOM}")
    assert "<img src=x" not in page.text
    assert 'href="javascript' not in page.text
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert page.status_code == 200
    assert slack.http("GET", "/healthz").json()["ok"]


def test_mrkdwn_reads_its_few_marks_and_escapes_the_rest() -> None:
    """Bold, italic, strike, code, mentions and links are drawn; anything else is text."""
    names = {"U0ADA": "Ada Lovelace", "C0APPROVALS": "approvals"}
    for text, html in (
        ("*bold* _it_ ~no~", "<b>bold</b> <i>it</i> <s>no</s>"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("`*raw* <@U0ADA>`", "<code>*raw* &lt;@U0ADA&gt;</code>"),
        ("<@U0ADA>", '<span class="mention">@Ada Lovelace</span>'),
        ("a &lt;b&gt; &amp;amp;", "a &lt;b&gt; &amp;amp;"),
        ("<script>", "&lt;script&gt;"),
        ("> quoted\nnot", "<blockquote>quoted</blockquote>not"),
        ('<https://x.example/?a=1&amp;b="|go>', 'href="https://x.example/?a=1&amp;b=&quot;"'),
    ):
        assert html in mrkdwn.mrkdwn(text, names)
