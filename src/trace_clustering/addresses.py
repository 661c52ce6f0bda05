"""URLs and addresses: what can be told from how they are written."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def has_host(url: str) -> bool:
    """Whether a URL has a host, a port that is one if any, and no @ after them."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return False
    after = parts.path + parts.query + parts.fragment
    return bool(parts.hostname) and port_is_good and "@" not in after


def is_bare(url: str) -> bool:
    """Whether a URL is without user, password, query and fragment."""
    return not set(url) & {"@", "?", "#"}


def without_secrets(url: str) -> str:
    """A URL to be shown: its password masked, its query left out."""
    scheme, _, rest = url.partition("://")
    # The last @, so that a password with one in it is hidden whole.
    login, at, place = rest.rpartition("@")
    hidden = f"{login.partition(':')[0]}:********@" if at else ""
    return f"{scheme}://{hidden}{place.partition('?')[0]}"


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
