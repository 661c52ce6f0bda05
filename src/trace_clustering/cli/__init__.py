"""The command line, a client of the HTTP API."""

from trace_clustering.cli.commands import main

__all__ = ["main"]
