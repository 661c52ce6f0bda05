"""The files that pages load: ours and plotly's, told apart by their content."""

from __future__ import annotations

import gzip
import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from trace_clustering.errors import NotFoundError
from trace_clustering.web import urls
from trace_clustering.web.pages import static_pages
from trace_clustering.web.static_files import names, static_file

_app = FastAPI()
_app.include_router(static_pages.router)
_client = TestClient(_app, headers={"Accept-Encoding": "identity"})


@pytest.mark.parametrize("name", sorted(names() - {"plotly.min.js"}))
def test_a_file_has_its_kind_and_is_ours_alone(name: str) -> None:
    file = static_file(name)
    assert gzip.decompress(file.compressed) == file.content
    text = file.content.decode()
    # Nothing is loaded from elsewhere; names of XML's kinds are no addresses.
    assert "//" not in text.replace("http://www.w3.org/", "").replace("// ", "")
    assert "eval(" not in text
    assert "innerHTML" not in text


@pytest.mark.parametrize("name", sorted(one for one in names() if one.endswith(".css")))
def test_styles_keep_to_the_rules_of_the_design(name: str) -> None:
    style = static_file(name).content.decode()
    sizes = [float(one) for one in re.findall(r"font(?:-size)?:[^;}]*?([\d.]+)rem", style)]
    assert min(sizes, default=1) >= 0.8125
    assert all(one.strip().startswith("inset") for one in re.findall(r"box-shadow:([^;}]*)", style))


def test_a_file_with_its_digest_is_kept_for_ever() -> None:
    answer = _client.get(urls.static("style.css"))
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    plain = _client.get("/static/style.css")
    assert plain.headers["cache-control"] == "no-cache"
    assert _client.get("/static/style.css?v=old").headers["cache-control"] == "no-cache"
    again = _client.get("/static/style.css", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_plotly_comes_from_its_package_and_compressed() -> None:
    answer = _client.get(urls.static("plotly.min.js"), headers={"Accept-Encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert b"plotly.js v" in answer.content[:200]


@pytest.mark.parametrize("name", ["../urls.py", "nothing.css", "style.css/", ""])
def test_there_are_no_other_files(name: str) -> None:
    with pytest.raises(NotFoundError):
        static_file(name)
