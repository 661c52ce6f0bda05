"""Being signed in: a cookie that says "has shown this token", and says no more.

Its value is a signature with the token itself as the key. So every process that has the same
settings accepts it, nothing is stored, and changing a token ends its sessions. Who reads the
cookie does not learn the token from it. Scripts cannot read it, and it ends by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from trace_clustering.web.access import Access, Token
from trace_clustering.web.paths import SIGN_IN_PATH, SIGN_OUT_PATH

COOKIE = "trace_clustering_session"
MAX_AGE_SECONDS = 30 * 24 * 3600

_PURPOSE = "trace_clustering.session"
_CONTENT = "signed in"
# Ours are far shorter; what is longer was not written here.
_MAX_COOKIE_CHARS = 512


def session_value(token: Token) -> str:
    """What the cookie holds after signing in with a token."""
    return str(_serializer(token).dumps(_CONTENT))


def session_access(value: str, tokens: Sequence[Token], now: datetime) -> Access | None:
    """What a cookie's value gives access to; None if no token of today signed it, or long ago."""
    if not value or len(value) > _MAX_COOKIE_CHARS or not value.isascii():
        return None
    signed = [token for token in tokens if _is_signed(value, token, now)]
    return signed[0].access(session=True) if signed else None


def sign_in(request: Request, response: Response, token: Token) -> None:
    """Have the browser bring the cookie from now on."""
    response.set_cookie(
        COOKIE,
        session_value(token),
        max_age=MAX_AGE_SECONDS,
        path="/",
        secure=_came_by_https(request),
        httponly=True,
        samesite="lax",
    )


def sign_out(request: Request, response: Response) -> None:
    """Have the browser forget the cookie."""
    secure = _came_by_https(request)
    response.delete_cookie(COOKIE, path="/", secure=secure, httponly=True, samesite="lax")


# Whoever has signed in has no business there.
_NO_PLACES = frozenset({SIGN_IN_PATH, SIGN_OUT_PATH})


def local_path(target: str) -> str:
    """Where to go on after signing in: a path and query of this service; else its first page.

    Browsers take ``//host``, ``/\\host`` and a tab or line break between the slashes for another
    host, so nothing but plain characters after a single slash is accepted.
    """
    is_plain = target.isascii() and target.isprintable() and " " not in target
    if not is_plain or "\\" in target or not target.startswith("/") or target.startswith("//"):
        return "/"
    parts = urlsplit(target)
    is_elsewhere = parts.scheme or parts.netloc
    return "/" if is_elsewhere or parts.path in _NO_PLACES else target


def _is_signed(value: str, token: Token, now: datetime) -> bool:
    try:
        content, since = _serializer(token).loads(value, return_timestamp=True)
    except BadSignature:
        return False
    return bool(content == _CONTENT and now - since <= timedelta(seconds=MAX_AGE_SECONDS))


def _serializer(token: Token) -> URLSafeTimedSerializer:
    options = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(token.secret, salt=_PURPOSE, signer_kwargs=options)


def _came_by_https(request: Request) -> bool:
    # The server takes X-Forwarded-Proto into account where it trusts the proxy that sent it.
    return bool(request.scope.get("scheme") == "https")
