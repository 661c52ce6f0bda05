"""The arrows between the rooms, and where SQL and Temporal may live, read from the source."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trace_clustering

SOURCE = Path(trace_clustering.__file__).parent
PACKAGE = "trace_clustering"
MODULES = sorted(SOURCE.rglob("*.py"))

SQL = re.compile(r"\b(SELECT|INSERT INTO|CREATE TABLE|CREATE DATABASE|ALTER TABLE|DELETE FROM)\b")
READS_OR_WRITES = re.compile(r"\b(SELECT|INSERT INTO)\b")

ENGINES = {"clickhouse_connect", "chdb"}
PLAIN = {"models", "constants", "errors", "inputs"}

# Room → what it must not import, ours by room and others by name.
FORBIDDEN: dict[str, set[str]] = {
    "traces": {"store", "temporal", "web", "cli", "bootstrap", "temporalio", *ENGINES},
    "store": {"temporal", "web", "cli", "bootstrap", "temporalio", "fastapi"},
    "web": {"temporal", "cli", "bootstrap", "temporalio", *ENGINES},
    "cli": {"temporal", "store", "temporalio", *ENGINES},
    "temporal": {"web", "cli", "bootstrap", "fastapi", *ENGINES},
}
# The contract's helper for shells: like the command line, it is a client of the HTTP API.
CLIENTS_OF_THE_API = {"temporal/manual_trigger.py": {"cli"}}
# What each room may import at most, ours by room and others by name; the standard library beside.
ALLOWED: dict[str, set[str]] = {
    "clustering": {"numpy", "scipy", "sklearn", "threadpoolctl", "clustering", "errors"},
    **dict.fromkeys(PLAIN, PLAIN),
}

# Statements that are about no team: what the server, the clock or the schema says.
WITHOUT_TEAM = (
    "SELECT 1 AS one",
    "SELECT toUnixTimestamp64Micro(now64(6)) AS now",
    "SELECT name FROM system.databases",
    "SELECT engine_full FROM system.tables",
    "SELECT number FROM schema_migrations",
    "INSERT INTO schema_migrations",
    # Which team a key writes to is what is asked.
    "SELECT team_id FROM api_keys",
    "SELECT count() AS n FROM api_keys",
    "SELECT team_id, key_id, name, hint, key_hash, created_at, revoked_at FROM api_keys",
)
ACROSS_TEAMS = re.compile(r"GROUP BY team_id(?!,)")
# Names of objects, which cannot be bound; none of them comes from a user's data.
INTERPOLATED = {
    "CREATE DATABASE IF NOT EXISTS": {"self.name", "engine"},
    "ALTER TABLE": {"table", "wanted"},
}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def in_rooms(*rooms: str) -> list[Path]:
    return [path for path in MODULES if room_of(path) in rooms]


def imported(path: Path) -> set[str]:
    """What a module imports, even inside functions: our rooms, and others' top-level names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {_room_or_name(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            module = node.module or ""
            if module == PACKAGE:
                names |= {alias.name for alias in node.names}
            else:
                names.add(_room_or_name(module))
    return names


def _room_or_name(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else parts[0]


def by_name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def texts(path: Path) -> Iterator[tuple[ast.expr, str]]:
    """String literals but docstrings, with the placeholders of f-strings left in braces."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node, "".join(_part(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return "{" + ast.unparse(part.value) + "}"
    assert isinstance(part, ast.Constant)
    return str(part.value)


def statements(path: Path) -> list[tuple[ast.expr, str]]:
    return [(node, text) for node, text in texts(path) if SQL.search(text)]


@pytest.mark.parametrize("path", in_rooms(*FORBIDDEN), ids=by_name)
def test_arrows_point_inwards(path: Path) -> None:
    exempt = CLIENTS_OF_THE_API.get(by_name(path), set())
    assert not imported(path) & FORBIDDEN[room_of(path)] - exempt


@pytest.mark.parametrize("path", in_rooms("web"), ids=by_name)
def test_the_api_knows_no_page(path: Path) -> None:
    # These two put both together.
    if path.parent.name != "pages" and path.stem not in ("app", "guard"):
        assert "trace_clustering.web.pages" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", in_rooms(*ALLOWED), ids=by_name)
def test_the_innermost_rooms_know_little(path: Path) -> None:
    assert imported(path) - sys.stdlib_module_names <= ALLOWED[room_of(path)]


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_temporal_is_in_one_room(path: Path) -> None:
    if room_of(path) not in ("temporal", "bootstrap"):
        assert "temporalio" not in imported(path)


@pytest.mark.parametrize("path", MODULES, ids=by_name)
def test_sql_is_in_one_room(path: Path) -> None:
    if room_of(path) != "store":
        assert not imported(path) & ENGINES
    # The demo's made-up people ask about SQL.
    if room_of(path) != "store" and "traces/demo/" not in by_name(path):
        assert not statements(path)


@pytest.mark.parametrize("path", in_rooms("store"), ids=by_name)
def test_values_are_bound_never_pasted_into_sql(path: Path) -> None:
    for node, text in statements(path):
        exempt = next((names for start, names in INTERPOLATED.items() if start in text), set())
        for part in ast.walk(node):
            if isinstance(part, ast.FormattedValue):
                name = ast.unparse(part.value)
                assert re.fullmatch(r"_[A-Z_]+", name) or name in exempt, text


@pytest.mark.parametrize("path", in_rooms("store"), ids=by_name)
def test_every_statement_is_about_a_team(path: Path) -> None:
    dotted = ".".join((PACKAGE, *path.relative_to(SOURCE).with_suffix("").parts))
    module = importlib.import_module(dotted.removesuffix(".__init__"))
    for _, text in statements(path):
        if not READS_OR_WRITES.search(text) or text.strip().startswith(WITHOUT_TEAM):
            continue
        whole = re.sub(r"\{(_[A-Z_]+)\}", lambda found: str(getattr(module, found.group(1))), text)
        across = ACROSS_TEAMS.search(whole)
        assert across or "team_id = {team_id:Int64}" in whole.replace("{{", "{"), text


def test_few_statements_look_across_teams() -> None:
    """Teams, every team's latest run, and the teams with traces to be summarized."""
    across = [text for path in in_rooms("store") for _, text in statements(path)]
    assert len([text for text in across if ACROSS_TEAMS.search(text)]) == 3


def loaded_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after ``code``."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"temporalio", "sklearn", "numpy", "fastapi", "pydantic", *ENGINES}
    assert not loaded_by("import trace_clustering") & heavy


def test_the_library_needs_neither_temporal_nor_clickhouse() -> None:
    code = (
        "import numpy as np\n"
        "from trace_clustering import cluster_embeddings\n"
        "points = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)\n"
        "cluster_embeddings(points)"
    )
    loaded = loaded_by(code)
    assert "sklearn" in loaded
    assert not loaded & {"temporalio", "fastapi", *ENGINES}


def test_the_command_line_starts_light() -> None:
    loaded = loaded_by("import trace_clustering.cli")
    assert not loaded & {"temporalio", "sklearn", "fastapi", "wordllama", *ENGINES}


def test_a_service_without_a_worker_starts_without_what_only_workers_need() -> None:
    assert not loaded_by("import trace_clustering.bootstrap") & {"sklearn", "scipy", "wordllama"}


@pytest.mark.parametrize(
    "name", ["trace_clustering", "trace_clustering.clustering", "trace_clustering.store"]
)
def test_public_names_exist_and_are_sorted(name: str) -> None:
    module = importlib.import_module(name)
    public = list(module.__all__)
    assert public == sorted(public)
    assert all(getattr(module, one) is not None for one in public)
    assert set(public) <= set(dir(module))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'clusters'"):
        trace_clustering.clusters  # noqa: B018
