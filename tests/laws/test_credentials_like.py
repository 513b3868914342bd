"""What looks like a credential is removed; what a helpdesk and we ourselves write is kept."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.action import Change, Prepared, Preview
from contracts.digest import digest
from contracts.transcript import RESULT_LIMIT
from embedded.helpdesk.seed import world
from policies.credentials_like import REMOVED, without_credentials
from tools import toolbox
from tools.outcomes import failed, refused, unknown
from tools.scrub import Scrubber

#: Letters and digits that no issuer gave anybody.
ANY = "q7Wc2Zt9Lm4Xv8Rb1Nd6Kf3Hs5Jg0PyTuAeOiQwErTyUiOpAsDfGhJkLzXcVbNm12"
HEX = "9f2c01ab77e34d5886b0c1d2e3f4a5b69f2c01ab77e34d5886b0c1d2e3f4a5b6"

#: What stands before the value, and the value: made up, and split, so that no scanner takes it for real.
REMOVABLE = [
    ("", "AKIA" + "Q7WC2ZT9LM4XV8RB"),
    ("id ", "ASIA" + "Q7WC2ZT9LM4XV8RB"),
    ("aws_secret_access_key = ", ANY[:38] + "/+"),
    ("SecretAccessKey: ", ANY[:40]),
    ("the AWS secret is ", ANY[:36] + "/+a1"),
    ("", "ghp" + "_" + ANY[:36]),
    ("", "gho" + "_" + ANY[:36]),
    ("", "github" + "_pat_" + ANY[:22] + "_" + ANY[:59]),
    ("", "glpat" + "-" + ANY[:20]),
    ("", "xoxb" + "-123456789012-1234567890123-" + ANY[:24]),
    ("", "xoxp" + "-" + ANY[:40]),
    ("", "xapp" + "-1-A0123456789-1234567890123-" + HEX),
    ("https://hooks.slack.com/services/", "T0" + "AAAAAAA/B0" + "BBBBBBB/" + ANY[:24]),
    ("", "sk" + "_live_" + ANY[:24]),
    ("", "rk" + "_test_" + ANY[:24]),
    ("", "whsec" + "_" + ANY[:32]),
    ("", "sk-" + ANY[:48]),
    ("", "sk-proj-" + ANY[:48]),
    ("", "sk-ant-" + "api03-" + ANY[:60]),
    ("", "AIza" + ANY[:35]),
    ("", "ya29." + ANY[:60]),
    ("", "GOCSPX-" + ANY[:28]),
    ("//registry/:_authToken=", "npm" + "_" + ANY[:36]),
    ("", "pypi-" + "AgEIcHlwaS5vcmc" + ANY[:60]),
    ("", "dckr" + "_pat_" + ANY[:27]),
    ("", "SG." + ANY[:22] + "." + ANY[:43]),
    ("", "SK" + HEX[:32]),
    ("", "hf" + "_" + ANY[:34]),
    ("", "dop" + "_v1_" + HEX),
    ("", "shpat" + "_" + HEX[:32]),
    ("", "hvs." + ANY[:24]),
    ("", "123456789:AA" + ANY[:33]),
    ("", "AGE-SECRET-KEY-1" + "Q7WC2ZT9LM4XV8RB" * 4),
    ("", "eyJhbGciOiJFZERTQSJ9." + "eyJzdWIiOiJzdmMifQ." + ANY[:60]),
    ("", "eyJhbGciOiJub25lIn0." + "eyJzdWIiOiJzdmMifQ."),
    ("", f"-----BEGIN PRIVATE KEY-----\n{ANY}\n{ANY}\n-----END PRIVATE KEY-----"),
    ("", f"-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: AES-CBC,AB\n\n{ANY}\n-----END RSA PRIVATE KEY-----"),
    ("", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{ANY}"),
    ("Authorization: Bearer ", ANY[:32]),
    ("authorization: basic ", "dXNlcjpwYXNzd29yZA=="),
    ("curl -H 'Authorization: token ", ANY[:20]),
    ("use bearer ", ANY[:24]),
    ("Set-Cookie: session=", ANY[:24]),
    ("password: ", "hunter2"),
    ("Password=", "correct-horse-battery"),
    ("my passphrase: ", "swordfish"),
    ("DB_PASSWORD=", "s3cr3t!"),
    ("pwd => ", "letmein"),
    ('{"password": "', "hunter 2 with spaces"),
    ("'passwd': '", "tr0ub4dor&3"),
    ("api_key=", "9f8a7b6c5d4e3f2a1b0c"),
    ("X-Api-Key: ", ANY[:32]),
    ('"client_secret": "', ANY[:32]),
    ("access_token=", ANY[:30]),
    ("AccountKey=", ANY[:60] + "=="),
    ("https://storage.example/x?sig=", ANY[:43]),
    ("postgres://", "svc:s3cr3t"),
    ("https://", "deploy:" + ANY[:20]),
    ("my password is ", "hunter2"),
    ("The password is: ", "hunter2!"),
    ("das Passwort lautet ", "Sommer2024!"),
    ("Kennwort: ", "Sommer2024!"),
    ("DB_PASS=", "Sommer2024!"),
    ("user/pw: ", "Sommer2024!"),
    ("--password ", "Sommer2024!"),
    ("**Password:** ", "hunter22"),
    ("**Password**: `", "hunter22"),
    ("<b>Password:</b> ", "hunter22"),
    ("<password>", "hunter22"),
    ("curl -u svc:", "s3cr3t!x"),
    ("your API key is ", "9f8a7b6c5d4e3f2a1b0c"),
    ("token ", ANY[:32]),
]

KEPT = [
    "sha256:" + HEX,
    HEX,
    "req_9f2c01ab77e3:ticket.close:T-18421#2",
    "Idempotency-Key: req_9f2c01ab77e3:refund.create:O-10231",
    "token: req_9f2c01ab77e3",
    "apr_9f2c01ab77e34d58",
    "550e8400-e29b-41d4-a716-446655440000",
    "T-18421, O-10231, C-1001 and KB-1042",
    '"etag": "W/\\"3\\""',
    "cursor=eyJzZXEiOjE3fQ",
    "aGVsbG8gd29ybGQ=",
    "data:image/png;base64,iVBORw0KGgo=",
    "Password reset: auth token expired",
    "Reset password mail: auth token is expired",
    "password: required",
    "password is required, password requirements, password resets",
    "The password is 12 characters long, pass 2 of 3",
    "Boarding pass: LH400, passing: 12 tests, bypass: yes",
    "token rotation-2026 and token refresh_interval_seconds",
    "grep -u: unknown, docker -u 1000:1000",
    "Password: must have twelve characters",
    "Nobody at support will ever ask for your password.",
    "The password was changed; the token expired or was already used.",
    '{"password": null, "token": ""}',
    '{"password_policy": "strong", "secret_santa": true}',
    "token: expired",
    "Secret: the second word",
    "api key: rotated monthly",
    "API_KEY=",
    "access key: see the article",
    "Authorization: required for refunds above EUR 500.00",
    "Bearer authentication is supported",
    "bearer of this letter",
    "Basic plan, basic subscription",
    "https://docs.example.com/public/reset?lang=en&page=2",
    "http://127.0.0.1:9100/openapi.json",
    "https://example.com/a:b@c",
    "ssh://git@example.com/repo.git",
    "mail marta.keller@example.com about it: 10:30@office",
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "task-force, risk-averse, disk-encryption-settings-page",
    "sk-ip this",
    "hf_small, npm_config, key-value, key-result",
    "2026-09-14T09:00:00.000Z",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "SKU SK1234567890",
    "Cookie: banner blocks the page",
    "aws region eu-central-1, secret santa on Friday",
    "interlock/prod/acme/ticketing-write",
    "principal:ada approved it",
    "arguments_digest sha256:" + HEX,
    "1,234,567 tokens: 800 of output",
]


@pytest.mark.parametrize(("before", "value"), REMOVABLE, ids=range(len(REMOVABLE)))
@pytest.mark.parametrize("shape", ["{}", "See {} there", "line\n{}\nline"])
def test_a_credential_is_removed_wherever_it_stands(before: str, value: str, shape: str) -> None:
    """In a sentence, on a line, and within JSON or JSON in JSON, nothing of the value is left."""
    after = "</password>" if before == "<password>" else ""
    after = "@db.example/x" if before.endswith("//") and "hooks" not in before else after
    text = shape.format(before + value + (before[-1:] if before[-1:] in ("'", '"') else after))
    for said in (text, json.dumps({"note": text}), json.dumps(json.dumps([text]))):
        shown = without_credentials(said)
        assert REMOVED in shown
        pieces = [value[at : at + 12] for at in range(max(1, len(value) - 11))]
        assert not any(piece in shown for piece in pieces if "-----" not in piece and "DEK" not in piece)


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_credential_is_kept(text: str) -> None:
    """Ids, digests, addresses and sentences about passwords stay, in JSON too."""
    assert without_credentials(text) == text
    assert without_credentials(json.dumps({"a": text})) == json.dumps({"a": text})


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def test_the_world_of_the_helpdesk_is_kept() -> None:
    """No ticket, article, order or customer of the seeded world loses a word."""
    texts = list(_texts(asdict(world())))
    assert len(texts) > 1_000
    assert [text for text in texts if without_credentials(text) != text] == []


@given(st.binary(max_size=40), st.integers(0, 10**9))
def test_digests_and_keys_of_ours_are_kept(seed: bytes, number: int) -> None:
    """Whatever was digested, and whatever the number, our own names stay."""
    made = digest([seed.hex(), number])
    for text in (made, made[7:], f"token: {made}", f"req_{made[7:19]}:ticket.close:T-{number}"):
        assert without_credentials(text) == text


@given(st.text(max_size=200))
def test_removing_twice_changes_nothing(text: str) -> None:
    """What was removed is not removed again, and no text breaks it."""
    once = without_credentials(text)
    assert without_credentials(once) == once


_HOSTILE = [
    *("eyJ", "eyJaaaaaaaaaa.", "AKIA", "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "password: a"),
    *('password="\\', "secret ", "aws ", "://", ":a@", "://a:", "token=", "sk-", "cookie:", "bearer ", "xox"),
    *(
        "**",
        "<b>",
        "password is ",
        "password",
        "token ",
        "token is",
        "password>a",
        " -u a:",
        "pass: *",
        "pw ",
    ),
    *("1:AA", "12345678:AA", "-", "AAAAAAAAAAAAAA.", "SG.aaaaaaaaaaaaaaaa.", '"', "\\n", "authorization: "),
]


def test_a_million_hostile_characters_take_time_by_their_length() -> None:
    """No pattern goes back: each piece, 40,000 characters of it, is through in a moment."""
    text = "\n".join(piece * (40_000 // len(piece)) for piece in _HOSTILE)
    assert len(text) > 900_000
    began = time.process_time()
    without_credentials(text)
    assert time.process_time() - began < 10


KEY = "ghp" + "_" + ANY[:36]


def test_results_artifacts_and_sentences_hold_none() -> None:
    """Whatever leaves a tool's session for a transcript, a log or a card went through it."""
    scrubber = Scrubber()
    assert KEY not in scrubber.result({"note": KEY}) + scrubber.result(f"as text {KEY}")
    assert scrubber.told({"content": [KEY]}) == {"content": [REMOVED]}
    for answer in (failed(KEY), refused(KEY), unknown(KEY)):
        assert KEY not in answer.text + answer.content


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_a_cut_leaves_no_half_of_a_credential(before: int) -> None:
    """A credential that stands across the cut, or across the end of what is looked at, is gone whole."""
    across = "x" * (RESULT_LIMIT - 100 - before) + " " + KEY + " " + "x" * RESULT_LIMIT
    block = f"-----BEGIN PRIVATE KEY-----{'A' * 30_000}-----END PRIVATE KEY-----"
    shrinks = (block * 4).ljust(4 * RESULT_LIMIT - before)
    for text in (across, shrinks + KEY + "x" * RESULT_LIMIT):
        shown = Scrubber().result(text)
        assert KEY[:8] not in shown
        assert "[cut here: " in shown
        assert len(shown.encode()) <= RESULT_LIMIT


def test_a_preview_hides_nothing_of_what_is_sent() -> None:
    """What was read is shown without credentials; what will be sent is shown as it is, whatever it holds."""
    change = Change(field="note", before=KEY, after=KEY)
    preview = Preview(target="T-1", changes=(change,), stakes="1")
    prepared = Prepared(preview=preview, undo_arguments={"note": KEY})
    shown = toolbox.shown(prepared)
    assert isinstance(shown, Prepared)
    assert shown.preview.changes == (Change(field="note", before=REMOVED, after=KEY),)
    assert shown.undo_arguments == {"note": KEY}
