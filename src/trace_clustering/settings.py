"""Settings: what an operator can choose, and with which default."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import (
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from trace_clustering import constants as c
from trace_clustering.addresses import has_host, is_bare, is_loopback
from trace_clustering.errors import SettingsError

ENV_PREFIX = "TRACE_CLUSTERING_"
CONFIG_FILE = "config.toml"
STORE_SCHEMES = ("http", "https", "chdb")

Port = Annotated[int, Field(ge=0, le=65535)]

_WEEK_MINUTES = 7 * 24 * 60


def default_data_dir() -> Path:
    """The platform's folder for a user's application data."""
    return Path(platformdirs.user_data_dir("trace-clustering", appauthor=False))


class Settings(BaseSettings):
    """Every setting. Field descriptions are what ``config`` and the documentation show."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Folder that holds all local state."
    )

    # Where things are.
    clickhouse_url: SecretStr | None = Field(
        None,
        description="ClickHouse server, https://user:password@host:8443/database; "
        "empty for the embedded engine in the data folder.",
    )
    temporal_address: str | None = Field(
        None, description="Temporal server, host:port; empty for the embedded server."
    )
    temporal_namespace: str = Field("default", description="Temporal namespace.")
    temporal_tls: bool = Field(False, description="Connect to Temporal over TLS.")
    temporal_tls_ca: Path | None = Field(
        None, description="PEM file of the authority that signed Temporal's certificate."
    )
    temporal_tls_cert: Path | None = Field(None, description="PEM client certificate for Temporal.")
    temporal_tls_key: Path | None = Field(None, description="PEM client key for Temporal.")
    temporal_api_key: SecretStr | None = Field(None, description="API key for Temporal.")
    temporal_ui_url: str | None = Field(
        None,
        description="Temporal's own page, for links to it; known for the embedded server.",
    )
    url: str | None = Field(
        None, description="Service that the command line talks to; empty to find or start one."
    )

    # The HTTP service.
    host: str = Field("127.0.0.1", description="Address that the HTTP service binds to.")
    port: Port = Field(8234, description="Port of the HTTP service; 0 for any free one.")
    temporal_port: Port = Field(7233, description="Port of the embedded Temporal; 0: any free.")
    temporal_ui_port: Port = Field(8233, description="Port of Temporal's own page; 0: any free.")
    metrics_port: Port | None = Field(
        None, description="Port on which `worker` serves /metrics and /healthz; empty for none."
    )
    token: SecretStr | None = Field(
        None,
        description="Token that opens everything, as bearer token or by signing in with it. "
        "Where set, only /healthz, /sign-in, /sign-out and /static/ are open without; "
        "senders' routes take keys instead.",
    )

    team_tokens: Annotated[dict[str, SecretStr], NoDecode] = Field(
        default_factory=dict,
        description="Tokens that see some teams only: comma-separated team ids and the token, "
        'as JSON such as {"1,2": "secret"}; needs `token` too.',
    )

    # Clustering.
    lookback_days: int = Field(
        c.DEFAULT_LOOKBACK_DAYS, ge=1, le=c.MAX_LOOKBACK_DAYS, description="Days of history."
    )
    max_samples: int = Field(
        c.DEFAULT_MAX_SAMPLES, ge=1, le=c.MAX_MAX_SAMPLES, description="Traces sampled at most."
    )
    min_k: int = Field(
        c.DEFAULT_MIN_K, ge=2, le=c.MAX_MAX_K, description="Smallest number of clusters tested."
    )
    max_k: int = Field(
        c.DEFAULT_MAX_K, ge=2, le=c.MAX_MAX_K, description="Largest number of clusters tested."
    )
    min_traces: int = Field(
        c.MIN_TRACES_FOR_CLUSTERING, ge=3, description="Fewer usable traces skip a run."
    )
    seed: int | None = Field(
        None, ge=0, lt=2**32, description="Fixed seed of every run; empty: from the run's id."
    )

    # The coordinator.
    interval_days: int = Field(
        c.DEFAULT_INTERVAL_DAYS, ge=1, le=365, description="Days between scheduled runs."
    )
    min_embeddings: int = Field(
        c.DEFAULT_MIN_EMBEDDINGS, ge=1, description="Teams with fewer are not scheduled."
    )
    allowed_team_ids: Annotated[list[Annotated[int, Field(ge=1)]], NoDecode] = Field(
        default_factory=lambda: list(c.ALLOWED_TEAM_IDS),
        description="Teams that are scheduled, comma-separated; empty for all.",
    )
    max_concurrent_teams: int = Field(
        c.DEFAULT_MAX_CONCURRENT_TEAMS, ge=1, le=500, description="Teams clustered at once."
    )

    # From traces to texts and vectors.
    rendering: Literal["llma_trace_minimal", "llma_trace_detailed"] = Field(
        "llma_trace_minimal",
        description="What is clustered: what the user wanted (minimal), or the whole summary.",
    )
    summary_quiet_minutes: int = Field(
        c.DEFAULT_SUMMARY_QUIET_MINUTES,
        ge=0,
        le=_WEEK_MINUTES,
        description="Minutes without news of a trace until it is summarized.",
    )
    summary_interval_minutes: int = Field(
        c.DEFAULT_SUMMARY_INTERVAL_MINUTES,
        ge=1,
        le=_WEEK_MINUTES,
        description="Minutes between scheduled summarizations.",
    )
    embedder: Literal["builtin", "openai", "sentence-transformers", "fastembed"] = Field(
        "builtin", description="What turns texts into vectors; `openai`: any endpoint of that kind."
    )
    embedding_url: str | None = Field(
        None, description="OpenAI-compatible API for embeddings, such as https://host/v1."
    )
    embedding_model: str | None = Field(
        None, min_length=1, description="Model of the embedder, by name; a local one's folder too."
    )
    embedding_api_key: SecretStr | None = Field(None, description="API key for embeddings.")
    embedding_batch_size: int = Field(
        64, ge=1, le=2048, description="Texts in one request for embeddings at most."
    )
    embedding_concurrency: int = Field(
        4, ge=1, le=64, description="Requests for embeddings at once."
    )
    llm_url: str | None = Field(
        None,
        description="OpenAI-compatible API for summaries and names, such as https://host/v1; "
        "empty to do without a language model.",
    )
    llm_model: str | None = Field(
        None, min_length=1, description="Language model that writes summaries and names."
    )
    llm_api_key: SecretStr | None = Field(None, description="API key for the language model.")
    llm_timeout_seconds: float = Field(
        60, gt=0, le=600, description="Seconds that the language model may take for one answer."
    )
    llm_concurrency: int = Field(
        4, ge=1, le=64, description="Requests to the language model at once."
    )
    naming_budget_usd: float = Field(
        0.1, ge=0, le=1_000, description="US dollars that naming one run may cost; 0: no model."
    )
    naming_budget_tokens: int = Field(
        100_000, ge=0, description="Tokens that naming one run may take; 0: no model."
    )

    # The worker.
    max_concurrent_activities: int = Field(
        4, ge=1, le=200, description="Activities that one worker runs at once."
    )

    # What is kept, and what is said.
    # ClickHouse counts a row's end in seconds that end in 2106: beyond, it would lie in the past.
    retention_days: int = Field(
        92,
        ge=1,
        le=10_000,
        description="Days that events, summaries, facts of traces, vectors and runs are kept.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto`: for people on a terminal, otherwise JSON."
    )

    @field_validator("allowed_team_ids", mode="before")
    @classmethod
    def _split_team_ids(cls, value: object) -> object:
        if isinstance(value, str):
            return [part for part in value.strip("[] ").replace(",", " ").split() if part]
        return value

    @field_validator("data_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("clickhouse_url", mode="after")
    @classmethod
    def _known_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme = value.get_secret_value().partition("://")[0]
        if scheme not in STORE_SCHEMES:
            raise ValueError("must begin with https://, http:// or chdb://")
        if scheme != "chdb" and not has_host(value.get_secret_value()):
            raise ValueError(
                "must be like https://user:password@host:8443/database; in user and password, "
                "write special characters as %40 (@), %23 (#), %2F (/), %3F (?)"
            )
        return value

    @field_validator("token", "temporal_api_key", "embedding_api_key", "llm_api_key", mode="after")
    @classmethod
    def _one_line(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().isprintable():
            raise ValueError("must be one line of printable characters")
        return value

    @field_validator("temporal_api_key", "embedding_api_key", "llm_api_key", mode="after")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().isascii():
            raise ValueError("must be ASCII characters, which is all that a header can carry")
        return value

    @field_validator("team_tokens", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError('must be JSON such as {"1,2": "secret"}') from None

    @field_validator("team_tokens", mode="after")
    @classmethod
    def _are_team_tokens(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for teams, token in value.items():
            if not re.fullmatch(r"[1-9]\d{0,17}(,[1-9]\d{0,17})*", teams):
                raise ValueError(f"{teams!r} must be team ids such as 1,2")
            if not token.get_secret_value():
                raise ValueError(f"the token of {teams} is empty")
            cls._one_line(token)
        return value

    @field_validator("url", "temporal_ui_url", mode="after")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not (
            value.startswith(("http://", "https://")) and has_host(value)
        ):
            raise ValueError("must be like http://127.0.0.1:8234")
        return value

    @field_validator("embedding_url", "llm_url", mode="after")
    @classmethod
    def _is_api(cls, value: str | None, info: ValidationInfo) -> str | None:
        if cls._is_url(value) is not None and not is_bare(str(value)):
            key = f"{str(info.field_name).removesuffix('url')}api_key"
            raise ValueError(f"must be without user, password and query; a key goes in {key}")
        return value

    @field_validator("temporal_address", mode="after")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(
            r"[^\s/@:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", value
        ):
            raise ValueError("must be host:port")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.min_k > self.max_k:
            raise ValueError(f"max_k: must be at least min_k={self.min_k}, got {self.max_k}")
        if bool(self.temporal_tls_cert) != bool(self.temporal_tls_key):
            raise ValueError("temporal_tls_cert and temporal_tls_key: set both or neither")
        if self.team_tokens and self.token is None:
            raise ValueError(f"team_tokens: set {ENV_PREFIX}TOKEN too, which opens everything")
        if (self.llm_url is None) != (self.llm_model is None):
            raise ValueError("llm_url and llm_model: set both or neither")
        return self

    @model_validator(mode="after")
    def _embedder_is_complete(self) -> Settings:
        if self.embedder != "builtin" and self.embedding_model is None:
            raise ValueError(f"embedding_model: embedder={self.embedder} needs one")
        if self.embedder == "openai" and self.embedding_url is None:
            raise ValueError("embedding_url: embedder=openai needs one")
        # Whoever sets a URL and no embedder would get vectors of another model unawares.
        if self.embedder != "openai" and self.embedding_url is not None:
            raise ValueError(f"embedding_url: needs embedder=openai, which is {self.embedder}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)

    @property
    def store_dsn(self) -> str:
        """Where ClickHouse is; contains the password, so it is never logged."""
        if self.clickhouse_url is not None:
            return self.clickhouse_url.get_secret_value()
        return f"chdb://{self.data_dir / 'clickhouse'}"

    @property
    def is_store_embedded(self) -> bool:
        return self.store_dsn.startswith("chdb:")

    @property
    def is_temporal_embedded(self) -> bool:
        return self.temporal_address is None

    def check_binding(self) -> None:
        """Refuse to be reachable from other machines without a token.

        Raises:
            SettingsError: ``host`` is no loopback address and ``token`` is not set.
        """
        if self.token is None and not is_loopback(self.host):
            raise SettingsError(
                f"host: {self.host} is reachable from other machines; set "
                f"{ENV_PREFIX}TOKEN first, or bind to 127.0.0.1"
            )
