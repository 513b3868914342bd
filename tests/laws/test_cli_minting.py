"""Laws of locally minted tokens."""

from dataclasses import replace

import pytest

from cli.minting import Ask, approver, caller, operator
from contracts.errors import InterlockError, PermissionRefused
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


def test_a_delegated_token_names_its_subject_and_its_actor() -> None:
    """The actor is the caller; whom it acts for is the head of the chain (RFC 8693, section 4.1)."""
    ask = replace(caller("demo", "acme", "support/close"), acts_for="user:u-1042")
    principal = read_principal(ask.claims(1_000), "dev")
    assert (principal.subject, principal.delegation) == ("svc:demo", ("user:u-1042",))
    with pytest.raises(InterlockError, match="is no subject"):
        replace(ask, acts_for="u 1042").claims(1_000)
