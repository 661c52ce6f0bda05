"""docs/cli.md names every command, argument and option, and none that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from trace_clustering.cli.commands import app

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "cli.md"


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its full name, groups left out."""
    nested = getattr(command, "commands", None)
    if nested is None:
        yield name, command
        return
    for part, inner in nested.items():
        yield from commands(inner, f"{name} {part}".strip())


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.+)$", DOCUMENTATION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def spellings(command: Any) -> set[str]:
    """How options and arguments are written."""
    found: set[str] = set()
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            found.add(parameter.name.upper())
        else:
            found |= {*parameter.opts, *parameter.secondary_opts}
    return found


def documented(section: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?`) \|", section, flags=re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(.+?)`", row)}


def test_every_command_has_a_section() -> None:
    assert set(sections()) == {"trace-clustering", *COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row(name: str) -> None:
    assert documented(sections()[name]) == spellings(COMMANDS[name]) - {"--help"}


def test_common_options_have_rows() -> None:
    assert documented(sections()["trace-clustering"]) == spellings(ROOT) | {"--help"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    described = [p for p in command.params if p.param_type_name == "option"]
    assert all(parameter.help for parameter in described)
