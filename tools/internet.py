"""Which addresses are the open internet: all else is somebody's own net, which no name leads to."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_OWN: Final = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translation; metadata at some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # metadata and agents at Azure, in public space
        "169.254.0.0/16",  # link-local; metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; metadata at some clouds
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # sinkholes
        "192.52.193.0/24",  # relays
        "192.88.99.0/24",  # relays to 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # sinkholes
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_GLOBAL: Final = IPv6Network("2000::/3")
_OWN_6: Final = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments, Teredo among them, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",  # sinkholes
        "3fff::/20",  # documentation
    )
)
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a net without IPv4 writes them."""


def is_open(text: str) -> bool:
    """Whether an address is global unicast, and is, or stands for, no address of a special net."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in net for net in _OWN)
    if address.scope_id is not None:
        return False
    inner = _within(address)
    if inner is not None:
        return is_open(str(inner))
    return address in _GLOBAL and not any(address in net for net in _OWN_6)


def _within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is reached through this one."""
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped
