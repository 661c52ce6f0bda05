"""A page with nothing but a map and a table, and the service behind it."""

from __future__ import annotations

import math
import random
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from trace_clustering.web import urls
from trace_clustering.web.pages.map_data import map_data
from trace_clustering.web.pages.policy import Hardened
from trace_clustering.web.pages.shell import environment
from trace_clustering.web.pages.static_pages import router

HOSTILE = "<img src=x onerror=\"document.title='caught'\"><b>bold</b> \u202egnol 👩\u200d👧"
RUN_ID = "team_7_run"

_TITLES = (
    "Rebooking cancelled flights",
    "Lost or delayed baggage",
    "Refund of a ticket's price",
    "Seats and meals on board",
    "Upgrades, miles and status",
    "Travelling with children or pets",
    "Wheelchairs and assistance",
    "Receipts for business trips",
)
_PAGE = """
{% from "map.html.j2" import map, map_head %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ lasso or "all" }}</title>
<link rel="stylesheet" href="{{ urls.static('palette.css') }}">
<link rel="stylesheet" href="{{ urls.static('style.css') }}">
{{ map_head("/points") }}
</head>
<body><main id="main">
{{ map(data, "/points", "/points/", "Map of traces", lasso=true) }}
<p role="status" data-parts-told></p>
<section id="traces" data-part="traces" data-told="page {{ page }}">
<form data-swap><label>Text <input name="q" type="search" value="{{ q }}"></label>
<button>Filter</button></form>
<p id="state">lasso={{ lasso }} q={{ q }} page={{ page }}</p>
<a id="next" data-swap href="{{ next }}">Next page</a>
<a id="card" data-map-group="0" href="/elsewhere">A card</a>
</section>
</main></body></html>
"""


@dataclass(frozen=True)
class Points:
    """A made-up map: round heaps, each a cluster and a leaf."""

    x: list[float]
    y: list[float]
    cluster: list[int]
    outliers: frozenset[int]
    centroids: list[tuple[float, float]]
    titles: Sequence[str] = _TITLES

    @property
    def binary(self) -> bytes:
        n = len(self.x)
        flags = bytes(int(i in self.outliers) for i in range(n))
        numbers = struct.pack(f"<4sI{n}f{n}f", b"TCM1", n, *self.x, *self.y)
        return numbers + struct.pack(f"<{n}I{n}H", *self.cluster, *self.cluster) + flags

    @property
    def properties(self) -> dict[str, Any]:
        sizes = [self.cluster.count(i) for i in range(len(self.centroids))]
        clusters = [
            {"cluster_id": i, "size": size, "title": self.titles[i % len(self.titles)]}
            for i, size in enumerate(sizes)
        ]
        return {
            "$ai_clustering_run_id": RUN_ID,
            "$ai_clusters": clusters,
            "$ai_map": {"centroids": self.centroids},
        }


def points(n: int, clusters: int = 8, seed: int = 3) -> Points:
    """``n`` points around centres on a spiral; one in two hundred is an outlier."""
    chance = random.Random(seed)
    turns = [(2.4 * i, 5 * math.sqrt(i)) for i in range(clusters)]
    centroids = [(far * math.cos(turn), far * math.sin(turn)) for turn, far in turns]
    of = [min(int(chance.random() ** 1.5 * clusters), clusters - 1) for _ in range(n)]
    places = [(chance.gauss(centroids[i][0], 1.4), chance.gauss(centroids[i][1], 0.9)) for i in of]
    outliers = frozenset(range(0, n, 200))
    return Points([x for x, _ in places], [y for _, y in places], of, outliers, centroids)


@dataclass
class MapSite:
    """Where the page is, and what it was asked for."""

    points: Points
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(router)
        binary, data = self.points.binary, map_data(self.points.properties)
        page = environment().from_string(_PAGE)

        @app.get("/teams/7/page")
        def shown(request: Request) -> HTMLResponse:
            given = request.query_params
            self.asked.append(str(request.url.query))
            state = {name: given.get(name, "") for name in ("lasso", "q", "page")}
            more = f"?page=2&lasso={state['lasso']}"
            return HTMLResponse(page.render(data=data, next=more, **state))

        @app.get("/points")
        def all_points() -> Response:
            return Response(binary, media_type="application/octet-stream")

        @app.get("/points/{number}")
        def point(number: int) -> JSONResponse:
            self.asked.append(f"point {number}")
            url = urls.trace(7, f"a/{number}", "r")
            return JSONResponse({"url": url, "title": HOSTILE, "opening": HOSTILE})

        @app.get("/teams/7/traces/{trace_id:path}")
        def trace(trace_id: str) -> HTMLResponse:
            return HTMLResponse(f"<title>{trace_id}</title>")

        app.add_middleware(Hardened)
        return app


@contextmanager
def map_site(made: Points) -> Iterator[MapSite]:
    """Serves the page on a free port of this machine."""
    site = MapSite(made)
    config = uvicorn.Config(site.app(), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    site.url = f"http://127.0.0.1:{port}/teams/7/page"
    try:
        yield site
    finally:
        server.should_exit = True
        thread.join(10)
