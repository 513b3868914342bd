"""Laws of the form that asks why: what it shows of outsiders' words, and what it takes back as its own."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.views import View

from adapters.denial_form import denial_view
from contracts.approval import ApprovalRecord
from contracts.denial import CALLBACK, LONGEST, REASON, DenialForm
from contracts.errors import Malformed
from embedded.slack import blocks as kit
from gateway.denials import unfit
from policies.visible import visible
from tests.frozen import approval_of, frozen

FORM = DenialForm(
    approval_id="apr_1",
    action_digest="sha256:" + "a" * 64,
    channel="C0APPROVALS",
    message_ts="1764000000.000100",
)
HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "<!channel> <@U0ADA> <https://evil.example|T-1>",
            "*b* _i_ ~s~ `c` :tada:",
            "T-1\nEnvironment prod",
            "\u202eT-1\u2066\u200b\ufeff",
            "a" + "\u0301" * 40,
            "x" * 100_000,
            "😀" * 1_000,
            "",
        ]
    ),
)


def shown(approval: ApprovalRecord) -> dict[str, Any]:
    """The view, which Slack's own model and the stand-in take."""
    view = denial_view(approval, FORM)
    assert kit.complaints(kit.VIEW, "/view", view) == []
    View(**view).validate_json()
    assert '"mrkdwn"' not in json.dumps(view)
    return view


def test_the_form_says_what_is_denied_and_asks_why() -> None:
    """Tool, tenant, environment and target on one line, one required field, and two ways out."""
    view = shown(approval_of(frozen()))
    said, field = view["blocks"]
    assert said["text"]["text"] == "⚠ PRODUCTION · acme · ticket.close · T-18421 “Password reset loops”"
    assert (view["callback_id"], view["submit"]["text"], view["close"]["text"]) == (CALLBACK, "Deny", "Back")
    assert (field["block_id"], field["element"]["multiline"]) == (REASON, True)
    assert "optional" not in field
    assert field["element"]["max_length"] == LONGEST


@given(tool=HOSTILE, target=HOSTILE, tenant=HOSTILE, env=HOSTILE)
def test_outsiders_words_are_shown_as_they_are(tool: str, target: str, tenant: str, env: str) -> None:
    """On one line, within Slack's limits, nothing rendered or hidden; what is cut says so."""
    whole = frozen()
    preview = replace(whole.preview, target=target)
    action = replace(whole, tool=tool, tenant=tenant, env=env, preview=preview)
    line = shown(approval_of(action))["blocks"][0]["text"]["text"]
    assert "\n" not in line
    assert visible(line) == line
    for text in (tool, target, tenant, env):
        assert visible(text).replace("\n", " ↵ ") in line or "[cut: " in line


@given(
    st.builds(
        DenialForm,
        approval_id=st.from_regex(r"apr_[0-9a-f]{1,36}", fullmatch=True),
        action_digest=st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
        channel=st.from_regex(r"[A-Z0-9]{1,40}", fullmatch=True),
        message_ts=st.from_regex(r"[0-9]{1,12}\.[0-9]{1,6}", fullmatch=True),
    )
)
def test_metadata_comes_back_as_it_was_sent(form: DenialForm) -> None:
    """And fits into what Slack keeps of it."""
    assert DenialForm.read(form.metadata()) == form
    assert len(form.metadata()) <= 3_000


@pytest.mark.parametrize("name", list(asdict(FORM)))
@pytest.mark.parametrize("value", ["", "x", None, 7, ["apr_1"], "apr_1\n", "T0" * 30])
def test_metadata_with_another_value_is_none(name: str, value: Any) -> None:
    """Each part has its shape, to the last character."""
    with pytest.raises(Malformed):
        DenialForm.read(json.dumps({**asdict(FORM), name: value}))


@given(st.text(max_size=LONGEST))
def test_a_reason_is_fit_unless_it_is_empty_or_steers_a_terminal(reason: str) -> None:
    """Any words of at most 1,000 characters are."""
    steers = any((ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in reason)
    assert (unfit(reason) is None) is (bool(reason) and not steers)
