"""Laws of passkeys: only a person's own, on our pages, with the user verified, over exactly this digest."""

from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webauthn.helpers import encode_cbor, parse_cbor

from adapters.passkeys import WebAuthnReader, WebAuthnVerifier
from contracts.approval import Person
from contracts.errors import Malformed
from contracts.passkey import Assertion, Passkey
from policies.pages import Pages
from tests.passkeys import ORIGIN, PRESENT, VERIFIED, SoftPasskey, encoded

DIGEST, OTHER = f"sha256:{'a1' * 32}", f"sha256:{'b2' * 32}"
MINE, THEIRS = SoftPasskey.create(), SoftPasskey.create("phone")
VERIFIER = WebAuthnVerifier(ORIGIN)
PAGES = Pages.at(ORIGIN)


def person(*passkeys: Passkey) -> Person:
    return Person(
        principal="principal:ada",
        slack_team=None,
        slack_user=None,
        subjects=(),
        groups=(),
        tenants=(),
        passkeys=passkeys,
    )


ADA = person(MINE.passkey)


def test_a_person_s_passkey_over_the_digest_holds() -> None:
    """A real signature by the passkey that the people file names."""
    assert VERIFIER.verified(MINE.sign(DIGEST), ADA, DIGEST)
    assert VERIFIER.verified(THEIRS.sign(DIGEST), person(MINE.passkey, THEIRS.passkey), DIGEST)


@pytest.mark.parametrize(
    "lie",
    [
        MINE.sign(OTHER),
        MINE.sign(DIGEST, "http://localhost:7711"),
        MINE.sign(DIGEST, "https://localhost:7710"),
        MINE.sign(DIGEST, "http://localhost:7710.evil.example"),
        MINE.sign(DIGEST, host="evil.example"),
        MINE.sign(DIGEST, flags=PRESENT),
        MINE.sign(DIGEST, flags=VERIFIED),
        MINE.sign(DIGEST, flags=0),
        MINE.sign(DIGEST, type="webauthn.create"),
        MINE.sign(DIGEST, crossOrigin=True),
        MINE.sign(DIGEST, topOrigin="https://evil.example"),
        MINE.sign(DIGEST, challenge=encoded(DIGEST.encode())),
        replace(MINE.sign(DIGEST), signature=MINE.sign(OTHER).signature),
        replace(THEIRS.sign(DIGEST), credential_id=MINE.passkey.credential_id),
        replace(MINE.sign(DIGEST), credential_id=""),
    ],
)
def test_any_other_signature_is_refused(lie: Assertion) -> None:
    """Another action, origin, host, ceremony or key, a user who was not there or not verified, a frame."""
    assert not VERIFIER.verified(lie, ADA, DIGEST)


def test_another_person_s_passkey_is_refused() -> None:
    """However good the signature: this person's entry does not name it."""
    assert not VERIFIER.verified(THEIRS.sign(DIGEST), ADA, DIGEST)
    assert not VERIFIER.verified(MINE.sign(DIGEST), person(), DIGEST)


def test_a_passkey_that_is_named_twice_is_nobody_s() -> None:
    """Two keys under one id would let the order of a file decide which counts."""
    twice = replace(THEIRS.passkey, credential_id=MINE.passkey.credential_id)
    assert not VERIFIER.verified(MINE.sign(DIGEST), person(MINE.passkey, twice), DIGEST)


def test_without_pages_nothing_holds() -> None:
    """There is no origin that a passkey could have signed for."""
    assert not WebAuthnVerifier("").verified(MINE.sign(DIGEST), ADA, DIGEST)


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:zz", DIGEST.upper(), DIGEST + "\n", "md5:" + "a" * 64]
)
def test_what_is_no_digest_has_no_signature(digest: str) -> None:
    """Only ``sha256:`` and 64 lower-case digits."""
    assert not VERIFIER.verified(MINE.sign(DIGEST), ADA, digest)


@pytest.mark.parametrize("alg", [-65535, -8, -999])
def test_a_key_of_another_algorithm_signs_nothing(alg: int) -> None:
    """SHA-1, one that is not the key's own, one that nobody knows."""
    cose = {**parse_cbor(_decoded(MINE.passkey.public_key)), 3: alg}
    weak = replace(MINE.passkey, public_key=encoded(encode_cbor(cose)))
    assert not VERIFIER.verified(MINE.sign(DIGEST), person(weak), DIGEST)


@given(
    part=st.sampled_from(["authenticator_data", "client_data", "signature"]),
    at=st.integers(min_value=0),
    bit=st.integers(min_value=0, max_value=7),
)
def test_one_bit_changed_is_refused(part: str, at: int, bit: int) -> None:
    """Every bit of what was signed, and of the signature, counts."""
    good = MINE.sign(DIGEST)
    raw = bytearray(_decoded(getattr(good, part)))
    raw[at % len(raw)] ^= 1 << bit
    assert not VERIFIER.verified(replace(good, **{part: encoded(bytes(raw))}), ADA, DIGEST)


@given(
    st.dictionaries(
        st.sampled_from(["authenticator_data", "client_data", "signature", "credential_id"]),
        st.text()
        | st.binary(max_size=200).map(encoded)
        | st.just("A" * 10_000)
        | st.just(encoded(b"[" * 6_000)),
        min_size=1,
    )
)
def test_rubbish_is_refused_and_never_raises(rubbish: dict[str, str]) -> None:
    """Whatever bytes somebody sends, the answer is no."""
    sent = replace(MINE.sign(DIGEST), **rubbish)
    if sent != MINE.sign(DIGEST):
        assert not VERIFIER.verified(sent, ADA, DIGEST)


@given(st.text(max_size=200) | st.binary(max_size=200).map(encoded))
def test_a_people_file_s_rubbish_is_no_key(key: str) -> None:
    """An entry that is no COSE key verifies nothing and breaks nothing."""
    broken = replace(MINE.passkey, public_key=key)
    assert not VERIFIER.verified(MINE.sign(DIGEST), person(broken), DIGEST)


def test_a_new_passkey_is_read_as_the_people_file_names_it() -> None:
    """What was read verifies what its authenticator then signs."""
    assert PAGES is not None
    read = WebAuthnReader(PAGES).read(MINE.register(b"c" * 32), challenge=b"c" * 32, name="laptop")
    assert read == MINE.passkey
    claimed = MINE.register(b"c" * 32) | {"credential_id": THEIRS.passkey.credential_id}
    assert WebAuthnReader(PAGES).read(claimed, challenge=b"c" * 32, name="laptop") == MINE.passkey
    assert VERIFIER.verified(MINE.sign(DIGEST), person(read), DIGEST)


@pytest.mark.parametrize(
    "answer",
    [
        MINE.register(b"d" * 32),
        MINE.register(b"c" * 32, "http://evil.example"),
        MINE.register(b"c" * 32, flags=PRESENT),
        MINE.register(b"c" * 32, type="webauthn.get"),
        MINE.register(b"c" * 32, crossOrigin=True),
        MINE.register(b"c" * 32) | {"attestation": "A"},
        {},
        {"credential_id": "A", "client_data": "!", "attestation": ""},
    ],
)
def test_what_no_authenticator_made_for_us_is_no_passkey(answer: dict[str, Any]) -> None:
    """Another challenge, origin or ceremony, an unverified user, rubbish."""
    assert PAGES is not None
    with pytest.raises(Malformed):
        WebAuthnReader(PAGES).read(answer, challenge=b"c" * 32, name="laptop")


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("http://localhost:7710", "http://localhost:7710", "localhost"),
        ("https://Interlock.Example:443/", "https://interlock.example", "interlock.example"),
        ("http://localhost:80", "http://localhost", "localhost"),
        ("https://[::1]:8443", "https://[::1]:8443", "::1"),
    ],
)
def test_an_origin_is_as_a_browser_writes_it(url: str, origin: str, host: str) -> None:
    """No default port, no capital letters, no slash: it is compared byte for byte."""
    pages = Pages.at(url)
    assert pages is not None
    assert (pages.origin, pages.host) == (origin, host)


@pytest.mark.parametrize(
    "url", ["localhost", "ftp://a", "http://", "https://a/b", "https://u@a", "https://a:x"]
)
def test_an_address_with_more_or_less_than_an_origin_is_refused(url: str) -> None:
    """A path before ours would leave cookies and forms to others on that host."""
    with pytest.raises(Malformed):
        Pages.at(url)


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
