"""Which paths are whose: senders', the API's, the pages', and those that are open to everyone."""

from __future__ import annotations

SIGN_IN_PATH = "/sign-in"
SIGN_OUT_PATH = "/sign-out"
OPEN_PATHS = frozenset({"/healthz", SIGN_IN_PATH, SIGN_OUT_PATH})
"""Need no token: what they show is nobody's."""

STATIC_PREFIX = "/static/"

# Where clients of other makers send: by the protocol, and as their SDKs have it.
_OTLP = (
    "/v1/traces",
    "/api/public/otel/v1/traces",  # Langfuse
    "/i/v0/ai/otel",  # PostHog's span processor, and its exporter set up by hand
    "/i/v0/ai/otel/v1/traces",
)
_POSTHOG = ("/batch", "/capture", "/e", "/i/v0/e", "/i/v0/ai/batch")
# Clients differ in the slash at the end, and a redirect would not pass the guard.
OTLP_PATHS = tuple(path + end for path in _OTLP for end in ("", "/"))
POSTHOG_PATHS = tuple(path + end for path in _POSTHOG for end in ("", "/"))
POSTHOG_V1_PATH = "/i/v1/analytics/events"
PROJECTS_PATH = "/api/public/projects"
SENDER_PATHS = frozenset({*OTLP_PATHS, *POSTHOG_PATHS, POSTHOG_V1_PATH, PROJECTS_PATH})
"""Their routes find out for themselves who sends: every protocol brings a key in its own way."""

# What follows is read by programs, also where there is no such route.
_PROGRAMS_PREFIXES = ("/api/", "/v1/", "/i/", STATIC_PREFIX)
_PROGRAMS_PATHS = frozenset({"/healthz", "/metrics", "/openapi.json", *SENDER_PATHS})


def is_open(path: str) -> bool:
    """Whether a path is answered without a token; a path is meant as routes match it."""
    return path in OPEN_PATHS or path.startswith(STATIC_PREFIX)


def is_page_path(path: str) -> bool:
    """Whether people look at a path in a browser, so that errors of it are pages too."""
    return path not in _PROGRAMS_PATHS and not path.startswith(_PROGRAMS_PREFIXES)
