"""Deliveries as networks bring them: again, in pieces, out of order; and a service that dies."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.lines import KINDS, parts, send_line, send_parts, some_traces
from tests.clients.support import Service, made_once, read_back, service
from tests.processes.support import until

TRACES = 12
WAYS = ("whole", "again", "pieces")
TEAMS = {
    f"{kind} {way}": team_id
    for team_id, (kind, way) in enumerate(((k, w) for k in KINDS for w in WAYS), start=1)
}


def deliver(folder: Path) -> dict[str, Any]:
    """The same traces to a team each, in every way; what is stored, by kind and way."""
    traces = some_traces(TRACES)
    summarized = {}
    with service(folder) as running:
        for kind in KINDS:
            given = [parts(kind, trace) for trace in traces]
            keys = {way: running.new_key(TEAMS[f"{kind} {way}"]) for way in WAYS}
            everything = [part for trace in given for part in trace]
            send_parts(running, kind, keys["whole"], everything)
            deliver_again(running, kind, keys["again"], everything)
            deliver_in_pieces(running, kind, keys["pieces"], given)
        for name, team_id in TEAMS.items():
            summarized[name] = running.summarize(team_id)["summarized"]
    stored = read_back(folder)
    return {name: {**stored[team], "summarized": summarized[name]} for name, team in TEAMS.items()}


def deliver_again(running: Service, kind: str, key: str, everything: list[Any]) -> None:
    """Four times at once, then once more when all is summarized."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: send_parts(running, kind, key, everything), range(4)))
    running.summarize(TEAMS[f"{kind} again"])
    send_parts(running, kind, key, everything)


def deliver_in_pieces(running: Service, kind: str, key: str, given: list[list[Any]]) -> None:
    """One part a request, the last parts of all traces first; half of it summarized before."""
    longest = max(map(len, given))
    pieces = [trace[at] for at in reversed(range(longest)) for trace in given if at < len(trace)]
    half = len(pieces) // 2
    for some in (pieces[:half], pieces[half:]):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda part: send_parts(running, kind, key, [part]), some))
        running.summarize(TEAMS[f"{kind} pieces"])


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made: dict[str, Any] = made_once("delivered", tmp_path_factory.getbasetemp(), deliver)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_delivery_changes_nothing(delivered: dict[str, Any], kind: str) -> None:
    whole, again = delivered[f"{kind} whole"], delivered[f"{kind} again"]
    assert (whole["summarized"], again["summarized"]) == (TRACES, 0)
    assert same(again) == same(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_out_of_order_make_the_same_traces(delivered: dict[str, Any], kind: str) -> None:
    whole, pieces = delivered[f"{kind} whole"], delivered[f"{kind} pieces"]
    assert len(pieces["facts"]) == TRACES
    assert same(pieces) == same(whole)


def same(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stored.items() if name != "summarized"}


class Stream:
    """Senders of every kind that send until nobody answers any more.

    Attributes:
        taken: of every trace that was acknowledged its id, and of how many events it is.
    """

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self.trace = some_traces(1)[0]
        self._numbers = itertools.count()

    def run_until_killed(self, running: Service, more: int) -> None:
        """Kill the service in the midst, once so many more traces were acknowledged."""
        enough = len(self.taken) + more
        with ThreadPoolExecutor() as pool:
            sending = [pool.submit(self._send_on, running, kind) for kind in (*KINDS, "lines")]
            try:
                until(lambda: len(self.taken) >= enough, "nothing is acknowledged")
            finally:
                running.process.kill()
        assert [sent.exception() for sent in sending] == [None] * len(sending)

    def _send_on(self, running: Service, kind: str) -> None:
        for number in itertools.islice(self._numbers, 10_000):
            trace = {**self.trace, "trace_id": f"{kind}-{number}"}
            try:
                trace_id, count = self._send(running, kind, trace)
            except httpx.TransportError:
                return
            self.taken[trace_id] = count

    def _send(self, running: Service, kind: str, trace: dict[str, Any]) -> tuple[str, int]:
        if kind == "lines":
            send_line(running, 1, trace)
            return trace["trace_id"], 1
        given = parts(kind, trace)
        send_parts(running, kind, "", given)
        return given[0].get("traceId", trace["trace_id"]), len(given)


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    stream = Stream()
    for more in (1, 15, 40):
        with service(tmp_path) as running:
            stream.run_until_killed(running, more)
    events = read_back(tmp_path)[1]["events"]
    stored = {trace_id: len(events.get(trace_id, ())) for trace_id in stream.taken}
    assert stored == stream.taken
