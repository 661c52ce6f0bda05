"""Settings: where they come from, what is refused, what is shown, and that all are documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trace_clustering.errors import SettingsError
from trace_clustering.settings import CONFIG_FILE, ENV_PREFIX, Settings, default_data_dir
from trace_clustering.settings_sources import describe_settings, load_settings

DOCUMENTATION = Path(__file__).parent.parent / "docs" / "settings.md"


def write_config(folder: Path, text: str) -> None:
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")


def load(folder: Path, **overrides: Any) -> Settings:
    return load_settings({"data_dir": folder, **overrides})


def refusal(folder: Path, **overrides: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, **overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def described(settings: Settings, **overrides: Any) -> dict[str, dict[str, Any]]:
    rows = describe_settings(settings, overrides)
    json.dumps(rows)
    return {row["name"]: row for row in rows}


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.lookback_days, settings.max_samples) == (7, 2000)
    assert (settings.min_k, settings.max_k, settings.min_traces) == (3, 6, 20)
    assert (settings.host, settings.port) == ("127.0.0.1", 8234)
    assert settings.allowed_team_ids == []
    assert (settings.embedder, settings.llm_url) == ("builtin", None)
    assert settings.rendering == "llma_trace_minimal"
    assert (settings.summary_quiet_minutes, settings.summary_interval_minutes) == (10, 60)
    assert settings.is_store_embedded
    assert settings.is_temporal_embedded
    assert settings.store_dsn == f"chdb://{tmp_path / 'clickhouse'}"


def test_the_strongest_source_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def port_and_source(**overrides: Any) -> tuple[object, object]:
        settings = load(tmp_path, **overrides)
        row = described(settings, **overrides)["port"]
        assert row["value"] == settings.port
        return row["value"], row["source"]

    assert port_and_source() == (8234, "default")
    write_config(tmp_path, "port = 1001\n")
    assert port_and_source() == (1001, "config.toml")
    monkeypatch.setenv("TRACE_CLUSTERING_PORT", "1002")
    assert port_and_source() == (1002, "TRACE_CLUSTERING_PORT")
    assert port_and_source(port=1003) == (1003, "command line")
    assert port_and_source(port=None) == (1002, "TRACE_CLUSTERING_PORT")
    monkeypatch.setenv("TRACE_CLUSTERING_PORT", "")
    assert port_and_source() == (1001, "config.toml")


def test_the_data_folder_says_where_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, 'log_level = "debug"\nallowed_team_ids = [3, 4]\n')
    monkeypatch.setenv("TRACE_CLUSTERING_DATA_DIR", str(tmp_path))
    settings = load_settings()
    assert (settings.data_dir, settings.log_level) == (tmp_path, "debug")
    assert settings.allowed_team_ids == [3, 4]
    assert described(settings)["data_dir"]["source"] == "TRACE_CLUSTERING_DATA_DIR"


def test_the_default_folder_is_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().data_dir == default_data_dir()
    assert default_data_dir().is_relative_to(tmp_path)


def test_a_relative_folder_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert load(Path("data")).data_dir == tmp_path / "data"
    assert load(Path("~/data")).data_dir == tmp_path / "home" / "data"


@pytest.mark.parametrize(
    ("text", "teams"),
    [
        ("1,2", [1, 2]),
        ("1, 2", [1, 2]),
        ("[1, 2]", [1, 2]),
        ("7", [7]),
        ("1,,2,", [1, 2]),
        ("[]", []),
    ],
)
def test_lists_of_teams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, teams: list[int]
) -> None:
    monkeypatch.setenv("TRACE_CLUSTERING_ALLOWED_TEAM_IDS", text)
    assert load(tmp_path).allowed_team_ids == teams


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "many"),
        ("port", "65536"),
        ("port", "-1"),
        ("lookback_days", "0"),
        ("lookback_days", "367"),
        ("max_samples", "100001"),
        ("min_k", "1"),
        ("max_k", "101"),
        ("min_traces", "2"),
        ("seed", "-1"),
        ("seed", "4294967296"),
        ("interval_days", "0"),
        ("min_embeddings", "0"),
        ("max_concurrent_teams", "0"),
        ("max_concurrent_activities", "0"),
        ("allowed_team_ids", "1,x"),
        ("allowed_team_ids", "0"),
        ("temporal_tls", "perhaps"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("clickhouse_url", "postgres://host/database"),
        ("clickhouse_url", "host:8123"),
        ("clickhouse_url", "https://"),
        # ClickHouse keeps a row's end in 32 bits of seconds: later ones lie in the past.
        ("retention_days", "36500"),
        ("retention_days", "0"),
        ("rendering", "llma_trace_long"),
        ("summary_quiet_minutes", "-1"),
        ("summary_interval_minutes", "0"),
        ("embedder", "word2vec"),
        ("embedding_url", "api.openai.com/v1"),
        ("embedding_url", "https://"),
        ("embedding_batch_size", "0"),
        ("embedding_batch_size", "2049"),
        ("embedding_concurrency", "0"),
        ("llm_url", "ftp://host/v1"),
        ("llm_timeout_seconds", "0"),
        ("llm_timeout_seconds", "nan"),
        ("llm_concurrency", "65"),
        ("naming_budget_usd", "-0.1"),
        ("naming_budget_usd", "nan"),
        ("naming_budget_tokens", "-1"),
    ],
)
def test_a_bad_value_names_the_setting_and_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variable = ENV_PREFIX + name.upper()
    monkeypatch.setenv(variable, value)
    message = refusal(tmp_path)
    assert message.startswith(f"{name}: ")
    assert message.endswith(f"(from {variable})")
    monkeypatch.delenv(variable)
    write_config(tmp_path, f"{name} = '{value}'\n")
    assert refusal(tmp_path).endswith("(from config.toml)")
    write_config(tmp_path, "")
    assert refusal(tmp_path, **{name: value}).endswith("(from command line)")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"min_k": 7}, "max_k: must be at least min_k=7, got 6"),
        ({"temporal_tls_cert": "a.pem"}, "temporal_tls_cert and temporal_tls_key: set both"),
        ({"temporal_tls_key": "a.pem"}, "temporal_tls_cert and temporal_tls_key: set both"),
        ({"llm_url": "http://host"}, "llm_url and llm_model: set both or neither"),
        ({"llm_model": "m"}, "llm_url and llm_model: set both or neither"),
        ({"embedder": "openai"}, "embedding_model: embedder=openai needs one"),
        (
            {"embedder": "openai", "embedding_model": "m"},
            "embedding_url: embedder=openai needs one",
        ),
        ({"embedder": "fastembed"}, "embedding_model: embedder=fastembed needs one"),
        (
            {"embedder": "sentence-transformers"},
            "embedding_model: embedder=sentence-transformers needs one",
        ),
        (
            {"embedding_url": "http://host", "embedding_model": "m"},
            "embedding_url: needs embedder=openai, which is builtin",
        ),
    ],
)
def test_settings_that_contradict_each_other(
    tmp_path: Path, overrides: dict[str, Any], told: str
) -> None:
    assert told in refusal(tmp_path, **overrides)


@pytest.mark.parametrize("name", ["prot", "data_dir", "TRACE_CLUSTERING_PORT"])
def test_an_unknown_name_in_the_file(tmp_path: Path, name: str) -> None:
    write_config(tmp_path, f'{name} = "x"\n')
    message = refusal(tmp_path)
    assert str(tmp_path / CONFIG_FILE) in message
    assert f"unknown setting '{name}'" in message


@pytest.mark.parametrize("content", [b"port = = 1\n", b"port = 1\nport = 2\n", b"host = '\xff'\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(content)
    assert str(tmp_path / CONFIG_FILE) in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (
            "clickhouse_url",
            "https://ada:s3cret@host:8443/data?password=s3cret",
            "https://ada:********@host:8443/data",
        ),
        ("clickhouse_url", "https://ada:s3cret@x@host/data", "https://ada:********@host/data"),
        ("clickhouse_url", "https://host:8443/data", "https://host:8443/data"),
        ("clickhouse_url", "chdb:///tmp/folder", "chdb:///tmp/folder"),
        ("token", "s3cret", "********"),
        ("token", "a:s3cret", "********"),
        ("temporal_api_key", "s3cret", "********"),
        ("embedding_api_key", "s3cret", "********"),
        ("llm_api_key", "s3cret", "********"),
    ],
)
def test_secrets_are_masked(tmp_path: Path, name: str, value: str, shown: str) -> None:
    settings = load(tmp_path, **{name: value})
    rows = described(settings, **{name: value})
    assert rows[name]["value"] == shown
    assert "s3cret" not in json.dumps(rows)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("name", ["embedding_url", "llm_url"])
@pytest.mark.parametrize(
    "url", ["https://ada:s3cret@host/v1", "https://s3cret@host", "https://host/v1?key=s3cret"]
)
def test_a_key_does_not_belong_in_the_url_of_a_model(tmp_path: Path, name: str, url: str) -> None:
    message = refusal(tmp_path, **{name: url})
    assert f"a key goes in {name.removesuffix('url')}api_key" in message
    assert "s3cret" not in message


def test_models_that_are_set_completely(tmp_path: Path) -> None:
    remote = load(
        tmp_path, embedder="openai", embedding_url="http://[::1]:11434", embedding_model="m"
    )
    assert remote.embedding_url == "http://[::1]:11434"
    assert load(tmp_path, embedder="fastembed", embedding_model="/models/m").embedding_url is None
    with_llm = load(tmp_path, llm_url="https://host/v1", llm_model="m", llm_timeout_seconds="2.5")
    assert with_llm.llm_timeout_seconds == 2.5


@pytest.mark.parametrize("password", ["s3#cret", "s3/cret", "s3?cret", "#", "s3:c/ret"])
def test_a_password_that_breaks_the_url_is_refused_unseen(tmp_path: Path, password: str) -> None:
    message = refusal(tmp_path, clickhouse_url=f"https://ada:{password}@host:8443/data")
    assert message.startswith("clickhouse_url: ")
    assert "%23" in message
    assert "s3" not in message


def test_every_setting_is_described(tmp_path: Path) -> None:
    rows = described(load(tmp_path))
    assert list(rows) == list(Settings.model_fields)
    for name, row in rows.items():
        assert row["variable"] == ENV_PREFIX + name.upper()
        assert row["description"].endswith(".")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_needs_no_token(tmp_path: Path, host: str) -> None:
    load(tmp_path, host=host).check_binding()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_any_other_address_needs_one(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="TRACE_CLUSTERING_TOKEN"):
        load(tmp_path, host=host).check_binding()
    load(tmp_path, host=host, token="secret").check_binding()


TEAM_TOKENS = '{"1,2": "one secret", "3": "another"}'


def test_tokens_of_teams_come_as_json_or_as_a_table_and_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path, 'token = "all"\n[team_tokens]\n"1,2" = "one secret"\n"3" = "another"\n')
    from_file = load(tmp_path).team_tokens
    monkeypatch.setenv(ENV_PREFIX + "TEAM_TOKENS", TEAM_TOKENS)
    settings = load(tmp_path)
    assert settings.team_tokens == from_file
    assert {k: v.get_secret_value() for k, v in from_file.items()} == json.loads(TEAM_TOKENS)
    assert "secret" not in repr(settings)
    shown = {row["name"]: row["value"] for row in describe_settings(settings)}
    assert shown["team_tokens"] == {"1,2": "********", "3": "********"}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("1=secret", "must be JSON"),
        ('{"1,": "x"}', "'1,' must be team ids"),
        ('{"0": "x"}', "'0' must be team ids"),
        ('{"all": "x"}', "'all' must be team ids"),
        ('{"1": ""}', "the token of 1 is empty"),
        ('{"1": "a\\nb"}', "one line of printable characters"),
    ],
)
def test_bad_tokens_of_teams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    monkeypatch.setenv(ENV_PREFIX + "TEAM_TOKENS", value)
    message = refusal(tmp_path, token="all")
    assert message.startswith("team_tokens: ")
    assert problem in message


def test_tokens_of_teams_need_one_for_everything(tmp_path: Path) -> None:
    assert refusal(tmp_path, team_tokens={"1": "x"}).startswith(
        "team_tokens: set TRACE_CLUSTERING_TOKEN"
    )


def shown_default(name: str) -> str:
    """A default as the documentation writes it."""
    if name == "data_dir":
        return "the platform's user data folder"
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    if default is None or default == []:
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """A row of docs/settings.md: | `VARIABLE` | default | meaning |."""
    description = Settings.model_fields[name].description
    row = f"| `{ENV_PREFIX}{name.upper()}` | {shown_default(name)} | {description} |"
    assert row in DOCUMENTATION.read_text(encoding="utf-8").splitlines()


def test_nothing_else_is_documented() -> None:
    lines = DOCUMENTATION.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith(f"| `{ENV_PREFIX}")]
    assert len(rows) == len(Settings.model_fields)


@pytest.mark.parametrize("name", ["temporal_api_key", "embedding_api_key", "llm_api_key"])
@pytest.mark.parametrize(("value", "problem"), [("schlüssel", "ASCII"), ("two\nlines", "one line")])
def test_a_key_that_fits_no_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
    with pytest.raises(SettingsError, match=f"{name}: must be .*{problem}") as error:
        load_settings({"data_dir": tmp_path})
    assert value not in str(error.value)
