"""Where the settings come from, and what is told of them.

Sources, strongest first: the command line, ``TRACE_CLUSTERING_…`` in the environment, the
file ``config.toml`` in the data folder, the defaults.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from trace_clustering.addresses import without_secrets
from trace_clustering.errors import SettingsError
from trace_clustering.settings import (
    CONFIG_FILE,
    ENV_PREFIX,
    STORE_SCHEMES,
    Settings,
    default_data_dir,
)


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings from all sources; ``overrides`` are the command line's.

    Raises:
        SettingsError: names the setting and where it came from.
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    from_file = _read_config_file(_data_dir(given))
    from_env = _environment()
    values = {**from_file, **from_env, **given}
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        problem = first["msg"].removeprefix("Value error, ")
        source = f" (from {_source_of(name, given, from_env, from_file)})" if name else ""
        raise SettingsError(f"{name}: {problem}{source}" if name else problem) from None


def describe_settings(
    settings: Settings, overrides: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Every setting with its value (secrets masked), its source and what it means."""
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    from_file, from_env = _read_config_file(settings.data_dir), _environment()
    return [
        {
            "name": name,
            "value": _shown(getattr(settings, name)),
            "source": _source_of(name, given, from_env, from_file),
            "variable": ENV_PREFIX + name.upper(),
            "description": info.description,
        }
        for name, info in Settings.model_fields.items()
    ]


def _data_dir(given: Mapping[str, Any]) -> Path:
    chosen = given.get("data_dir") or os.environ.get(ENV_PREFIX + "DATA_DIR")
    return Path(chosen).expanduser() if chosen else default_data_dir()


def _environment() -> dict[str, str]:
    prefixed = {name: ENV_PREFIX + name.upper() for name in Settings.model_fields}
    return {name: os.environ[key] for name, key in prefixed.items() if os.environ.get(key)}


def _read_config_file(data_dir: Path) -> dict[str, Any]:
    path = data_dir / CONFIG_FILE
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}") from None
    for name in values:
        if name not in Settings.model_fields or name == "data_dir":
            raise SettingsError(f"{path}: unknown setting {name!r}")
    return values


def _source_of(
    name: str, given: Mapping[str, Any], env: Mapping[str, str], file: Mapping[str, Any]
) -> str:
    if name in given:
        return "command line"
    if name in env:
        return ENV_PREFIX + name.upper()
    return CONFIG_FILE if name in file else "default"


def _shown(value: object) -> Any:
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        is_url = secret.partition("://")[0] in STORE_SCHEMES
        return without_secrets(secret) if is_url else "********"
    if isinstance(value, dict):
        return {key: _shown(one) for key, one in value.items()}
    return str(value) if isinstance(value, Path) else value
