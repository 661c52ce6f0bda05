"""The frame that all pages have."""

from __future__ import annotations

import re

import pytest

from tests.builders import STARTED, finish_run, names
from tests.support.run_event import run_event
from tests.web.page_reading import PageRead
from tests.web.test_api import Api
from trace_clustering.inputs import make_run_id
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.templating import iso

TEAM = 714_001
RUN = make_run_id(TEAM, STARTED)


@pytest.fixture(scope="module")
def api(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    finish_run(store, TEAM, event=run_event())
    return Api(store, Settings(data_dir=tmp_path_factory.mktemp("shell")))


@pytest.mark.parametrize(
    ("path", "is_here"),
    [
        (urls.run(RUN), True),
        (urls.compare(RUN), False),
        (urls.group(RUN, 0), False),
        (urls.run_traces(RUN), False),
        (urls.trace(TEAM, names(1)[0], RUN), False),
    ],
)
def test_the_way_to_a_page_names_its_run_by_a_moment(api: Api, path: str, is_here: bool) -> None:
    source = PageRead.of(api.ask("GET", path)).source
    (way,) = re.findall(r'(?s)<nav class="crumbs".*?</nav>', source)
    crumb = f'Run of <time datetime="{iso(STARTED)}">{STARTED:%Y-%m-%d %H:%M} UTC</time>'
    assert crumb in way
    assert (f'<a href="{urls.run(RUN)}">{crumb}</a>' in way) == (not is_here)
    assert way.count('aria-current="page"') == 1
