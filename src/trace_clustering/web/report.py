"""A run as one page that needs nothing beside itself: no service, no network, no script even."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from trace_clustering import __version__
from trace_clustering.models import RunRecord
from trace_clustering.run_reading import (
    Properties,
    judgement_of,
    missing_parts,
    reason_missing,
    title_of,
    tree_of,
)
from trace_clustering.web.palette import colour_index, palette_css
from trace_clustering.web.report_map import HEIGHT, MAX_ID_CHARS, WIDTH, RunMap, run_map
from trace_clustering.web.run_drawings import Days, slices_of
from trace_clustering.web.templating import make_environment

MAX_OUTLIERS = 200
"""So many stand in the table; the rest is counted."""


@dataclass(frozen=True)
class Report:
    """What a report is made of.

    Attributes:
        properties: of the run's event.
        openings: how traces begin, by id; those that lack are shown without.
    """

    run: RunRecord
    properties: Properties
    openings: Mapping[str, str]


def report_page(report: Report) -> str:
    """The page, as HTML text."""
    template = _environment().get_template("report.html.j2")
    return template.render(_context(report))


def content_policy() -> str:
    """What the page may do: be styled and run the script that it brings along, nothing else."""
    return (
        "default-src 'none'; "
        f"style-src '{_digest(_style())}'; "
        f"script-src '{_digest(_source('report.js'))}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _context(report: Report) -> dict[str, Any]:
    properties = report.properties
    clusters = properties["$ai_clusters"]
    return {
        "policy": content_policy(),
        "style": Markup(_style()),
        "script": Markup(_source("report.js")),
        "version": __version__,
        "run": report.run,
        "event": properties,
        "total": properties["$ai_sampled_traces_count"],
        "judgement": judgement_of(properties),
        "facts": properties.get("$ai_facts"),
        "quality": properties.get("$ai_quality"),
        "clusters": clusters,
        "titles": {cluster["cluster_id"]: title_of(cluster) for cluster in clusters},
        "slices": slices_of(clusters),
        "days": Days(properties),
        "map": _drawn(properties, report.openings),
        "tree": tree_of(properties),
        "openings": report.openings,
        "missing": missing_parts(properties),
        "why_missing": lambda part: reason_missing(properties, part),
        **_outliers(properties),
    }


def _outliers(properties: Properties) -> dict[str, Any]:
    found = (properties.get("$ai_outliers") or {}).get("traces")
    return {
        "outliers": None if found is None else found[:MAX_OUTLIERS],
        "more_outliers": max(len(found or ()) - MAX_OUTLIERS, 0),
    }


def _drawn(properties: Properties, openings: Mapping[str, str]) -> RunMap | None:
    drawn = run_map(properties, openings)
    # Its JSON is made to stand in a page as it is.
    return drawn and replace(drawn, data=Markup(drawn.data))


@cache
def _environment() -> Environment:
    environment = make_environment("templates")
    environment.globals |= {
        "colour_of": colour_index,
        "WIDTH": WIDTH,
        "HEIGHT": HEIGHT,
        "MAX_ID_CHARS": MAX_ID_CHARS,
    }
    return environment


@cache
def _source(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _style() -> str:
    """The report's own style, with the colours that clusters have on all pages."""
    return palette_css() + _source("report.css")


def _digest(source: str) -> str:
    """What a policy calls an inline style or script by."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
