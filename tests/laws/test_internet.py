"""Laws of addresses: what is special anywhere is not open, in whatever notation it is reached."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import Malformed
from policies.web_address import read_address
from tools.internet import is_open
from tools.reply import Stopped
from tools.resolver import Endpoint, Places, SystemResolver


@given(address=st.ip_addresses())
def test_what_the_registries_call_special_is_not_open(address: IPv4Address | IPv6Address) -> None:
    """No open address is private, link-local, multicast or reserved by the standard library's tables."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if is_open(str(address)):
        assert (inner or address).is_global
        assert not (inner or address).is_multicast


@given(address=st.ip_addresses(v=4))
def test_an_address_is_what_it_stands_for(address: IPv4Address) -> None:
    """A mapped or translated IPv4 address is as open as itself; all other ways to hold one are closed."""
    number = int(address)
    assert is_open(f"::ffff:{address}") is is_open(str(address))
    assert is_open(str(IPv6Address(int(IPv6Address("64:ff9b::")) | number))) is is_open(str(address))
    assert not is_open(f"::{address}")
    assert not is_open(str(IPv6Address((0x2002 << 112) | (number << 80))))
    assert not is_open(str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFF_FFFF))))


@pytest.mark.parametrize("text", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_the_open_internet_is_open(text: str) -> None:
    """Ordinary public addresses are reached."""
    assert is_open(text)


@pytest.mark.parametrize("text", ["", "localhost", "1", "0x7f.1", "1.1.1.1:80", "[::1]", "2606:4700::1%eth0"])
def test_what_is_no_plain_address_is_not_open(text: str) -> None:
    """A resolver's answer in any other spelling is refused."""
    assert not is_open(text)


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("localhost", "127.0.0.1:80"),
        ("docs.example.com:80", "127.0.0.1:80"),
        ("docs.example.com", "127.0.0.1"),
        ("docs.example.com", "inside:80"),
        ("docs.example.com", "127.0.0.1:0"),
        ("docs.example.com", "127.0.0.1:65536"),
        ("docs.example.com", "::1:80"),
        ("docs.example.com", "127.1:80"),
    ],
)
def test_one_s_own_hosts_are_written_exactly(host: str, where: str) -> None:
    """A host is a name without a port, its place an address of numbers with one; else nothing starts."""
    with pytest.raises(Malformed, match="INTERLOCK_WEB_HOSTS"):
        Places(SystemResolver(), {host: where})


async def test_one_s_own_host_is_found_without_asking() -> None:
    """What the settings say is taken as it is, IPv6 too."""
    places = Places(SystemResolver(), {"docs.example.com": "[fd00::7]:8443"})
    address = read_address("https://docs.example.com/")
    assert await places.find(address) == (Endpoint(address="fd00::7", port=8443),)


async def test_a_name_that_is_none_is_a_sentence() -> None:
    """What the system's resolver does not find ends the call, and a later try may find it."""
    with pytest.raises(Stopped) as stopped:
        await Places(SystemResolver(), {}).find(read_address("https://nothing.invalid/"))
    assert stopped.value.answer.transient
    assert stopped.value.answer.text == "nothing.invalid was not found: nothing was sent"
