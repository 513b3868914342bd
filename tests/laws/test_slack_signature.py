"""Laws of Slack's signature: only what Slack signed, now, is let in; and nothing makes the check crash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier
from starlette.datastructures import Headers

from adapters.slack_signature import proof, verify
from contracts.errors import TokenRefused
from contracts.secret import Secret

SECRET = Secret("planted-signing-secret")
NOW = 1_795_600_000
BODY = b"payload=%7B%22type%22%3A%22block_actions%22%7D"


def signed(body: bytes = BODY, at: int = NOW, secret: str = "planted-signing-secret") -> dict[str, str]:
    signature = SignatureVerifier(secret).generate_signature(timestamp=str(at), body=body)
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": str(signature)}


def refusal(headers: dict[str, str] | Headers, body: bytes = BODY, now_s: float = NOW) -> str:
    with pytest.raises(TokenRefused) as caught:
        verify(SECRET, headers, body, now_s)
    assert "planted" not in str(caught.value)
    return str(caught.value)


def test_slacks_own_example_is_accepted() -> None:
    """The example of Slack's documentation verifies."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
        b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    verify(Secret("8f742231b10e8888abcd99yyyzzz85a5"), headers, body, 1_531_420_618)


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299.9, 300])
def test_five_minutes_either_way_are_in_time(seconds: float) -> None:
    """Up to 300 s of age or of clock difference count as now."""
    verify(SECRET, signed(), BODY, NOW + seconds)


@pytest.mark.parametrize("seconds", [-301, 300.5, 301, 86_400])
def test_an_old_or_future_request_is_refused(seconds: float) -> None:
    """A recorded request is worth nothing after five minutes."""
    assert "5 minutes" in refusal(signed(), now_s=NOW + seconds)


def test_other_bytes_time_or_secret_are_refused() -> None:
    """The signature holds for these bytes, this moment and this app alone."""
    assert "not signed" in refusal(signed(), body=BODY + b" ")
    assert "not signed" in refusal(signed() | {"X-Slack-Request-Timestamp": str(NOW - 1)})
    assert "not signed" in refusal(signed(secret="another-secret"))


@pytest.mark.parametrize(
    "timestamp", ["", "now", "1e9", "-1", "+1", " 1", "١٢٣", "1.5", "9" * 5_000, "0x10", "1_0"]
)
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    """What slack_sdk would raise on is refused in a sentence."""
    assert "not as Slack writes it" in refusal(signed() | {"X-Slack-Request-Timestamp": timestamp})


@pytest.mark.parametrize("signature", ["", "v0=", "v1=" + "0" * 64, "v0=" + "é" * 64, "v0=" + "A" * 64])
def test_a_signature_of_another_shape_is_refused(signature: str) -> None:
    """One request has one spelling of its signature, so that it counts once."""
    headers = signed() | {"X-Slack-Signature": signature}
    assert "not as Slack writes it" in refusal(headers)
    with pytest.raises(TokenRefused):
        proof(headers)


@pytest.mark.parametrize("name", ["X-Slack-Request-Timestamp", "X-Slack-Signature"])
def test_missing_and_double_headers_are_refused(name: str) -> None:
    """Exactly one of each: of two, a proxy and we might read different ones."""
    headers = signed()
    raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    double = Headers(raw=[*raw, (name.lower().encode(), headers[name].encode())])
    assert "has 2" in refusal(double)
    assert "has 2" in refusal(headers | {name.upper(): headers[name]})
    del headers[name]
    assert "has no" in refusal(headers)


def test_a_body_that_is_not_utf8_is_refused() -> None:
    """Bytes that slack_sdk cannot decode do not crash the check."""
    assert "not signed" in refusal(signed(), body=b"\xff\xfe")


def test_without_a_secret_nothing_is_accepted() -> None:
    """An empty signing secret lets nobody in."""
    with pytest.raises(TokenRefused, match="no signing secret"):
        verify(Secret(" "), signed(), BODY, NOW)


def test_a_proof_names_one_request() -> None:
    """The same signature has the same proof, another request another; the signature is not in it."""
    assert proof(signed()) == proof({key.lower(): value for key, value in signed().items()})
    assert proof(signed()) != proof(signed(at=NOW + 1))
    assert proof(signed()).startswith("sha256:")
    assert signed()["X-Slack-Signature"][3:] not in proof(signed())


@given(timestamp=st.text(), signature=st.text(), body=st.binary())
def test_nothing_but_slack_is_let_in(timestamp: str, signature: str, body: bytes) -> None:
    """Any other headers and bytes are refused, never a crash."""
    refusal({"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}, body)
