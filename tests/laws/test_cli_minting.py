"""Laws of locally minted tokens."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.login import pages_of
from cli.minting import Ask, Login, Person, approver, caller, operator
from cli.state import State
from contracts.errors import InterlockError, PermissionRefused, TokenRefused
from contracts.tokens import Purpose
from gateway.auth import Kind, read_principal


@pytest.mark.parametrize(
    ("ask", "kind", "tenant"),
    [
        (caller("demo", "acme", "support/close"), Kind.CALLER, "acme"),
        (operator(), Kind.OPERATOR, None),
        (approver("ada"), Kind.APPROVER, None),
        (approver("principal:ada"), Kind.APPROVER, None),
    ],
)
def test_gateway_reads_every_minted_kind(ask: Ask, kind: Kind, tenant: str | None) -> None:
    """What is minted is what the gateway accepts, with the reach that was asked for."""
    principal = read_principal(ask.claims(1_000), "dev")
    assert (principal.kind, principal.subject, principal.tenant) == (kind, ask.subject, tenant)


def test_prod_is_refused() -> None:
    """No token for production is ever minted here."""
    with pytest.raises(PermissionRefused, match="prod"):
        replace(operator(), env="prod").claims(1_000)


def test_token_expires_within_a_day() -> None:
    """A token lives an hour, and never longer than a day."""
    assert operator().claims(1_000)["exp"] == 4_600
    for ttl in (0, -1, 86_401):
        with pytest.raises(InterlockError, match="lives between"):
            replace(operator(), ttl=ttl).claims(1_000)


@pytest.mark.parametrize(
    "ask",
    [
        caller("", "acme", "support/close"),
        caller("a b", "acme", "support/close"),
        caller("demo", "Acme!", "support/close"),
        caller("demo", "acme"),
        replace(operator(), env="../prod"),
    ],
)
def test_wrong_claims_are_refused_with_a_sentence(ask: Ask) -> None:
    """Names, tenants, routes and environments that are none are refused before anything is signed."""
    with pytest.raises(InterlockError):
        ask.claims(1_000)


def test_a_link_to_sign_in_is_no_token() -> None:
    """No call of the API takes it, and it lives five minutes; no two are the same."""
    claims = Login(principal="ada").claims(1_000)
    assert (claims["sub"], claims["exp"]) == ("principal:ada", 1_300)
    assert claims["jti"] != Login(principal="ada").claims(1_000)["jti"]
    for added in ({}, {"tenant": None, "routes": ["*"]}):
        with pytest.raises(TokenRefused):
            read_principal({**claims, **added}, "dev")


def test_links_for_prod_or_for_nobody_are_refused() -> None:
    """As tokens are."""
    with pytest.raises(PermissionRefused, match="prod"):
        Login(principal="ada", env="prod").claims(1_000)
    for name in ("", "principal:", "a b"):
        with pytest.raises(InterlockError):
            Login(principal=name).claims(1_000)


def test_a_delegated_token_names_its_subject_and_its_actor() -> None:
    """The actor is the caller; whom it acts for is the head of the chain (RFC 8693, section 4.1)."""
    ask = replace(caller("demo", "acme", "support/close"), acts_for="user:u-1042")
    principal = read_principal(ask.claims(1_000), "dev")
    assert (principal.subject, principal.delegation) == ("svc:demo", ("user:u-1042",))
    with pytest.raises(InterlockError, match="is no subject"):
        replace(ask, acts_for="u 1042").claims(1_000)


def test_a_link_leads_to_the_pages_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To those of the settings, else to the local gateway: passkeys belong to a name, not to a number."""
    (tmp_path / "endpoints.json").write_text(json.dumps({"gateway": "http://127.0.0.1:7710"}))
    monkeypatch.delenv("INTERLOCK_PAGES", raising=False)
    assert pages_of(State.at(tmp_path)).origin == "http://localhost:7710"
    monkeypatch.setenv("INTERLOCK_PAGES", "https://interlock.example/")
    assert pages_of(State.at(tmp_path)).origin == "https://interlock.example"


@pytest.mark.parametrize("name", ["ada", "principal:ada"])
def test_a_person_is_named_to_break_glass_by_its_own_key(name: str) -> None:
    """Their token says who they are and until when, and is signed with a key that no agent process knows."""
    claims = Person(principal=name).claims(1_000)
    assert {name: claims[name] for name in ("kind", "sub", "env", "exp")} == {
        "kind": "person",
        "sub": "principal:ada",
        "env": "dev",
        "exp": 4_600,
    }
    for ask in (Person(principal=name), Login(principal=name, purpose=Purpose.BREAK_GLASS_LOGIN)):
        assert not ask.purpose.of_agents
    assert operator().purpose.of_agents


@pytest.mark.parametrize(
    "person",
    [
        Person(principal="ada", env="prod"),
        Person(principal="ada", ttl=0),
        Person(principal="ada", ttl=86_401),
        Person(principal="a b"),
        Person(principal=""),
    ],
)
def test_nobody_is_named_to_break_glass_in_prod_or_for_long(person: Person) -> None:
    """Not in production, not for more than a day, and nobody without a name."""
    with pytest.raises(InterlockError):
        person.claims(1_000)
