"""What must be true of each client's arrivals; every client's tests are these."""

from __future__ import annotations

import pytest
from sklearn.metrics import adjusted_rand_score

from tests.clients.desk import TEAMS, Arrivals
from tests.clients.shop import ERROR_TEXTS, MODEL, SYSTEM, VISITS

EVENTS = ["$ai_generation", "$ai_generation", "$ai_span", "$ai_trace"]


class ArrivalTests:
    """The tests of one client.

    Attributes:
        client: its name.
    """

    client: str

    @pytest.fixture
    def found(self, arrivals: dict[str, Arrivals]) -> Arrivals:
        return arrivals[self.client]

    def test_every_trace_arrived_once(self, found: Arrivals) -> None:
        assert len(set(found.ids.values())) == len(VISITS)
        assert found.stored["events"] == dict.fromkeys(found.ids.values(), EVENTS)
        assert found.summarized == {
            "summarized": len(VISITS),
            "embedded": 2 * len(VISITS),
            "failed": 0,
        }

    def test_what_was_said_can_be_read(self, found: Arrivals) -> None:
        for visit, trace_id in found.visits:
            text = found.stored["texts"][trace_id]
            ending = ERROR_TEXTS.get(visit.trouble, visit.subject.answer)
            said = (SYSTEM, visit.question, visit.subject.tool, visit.tool_text, ending)
            assert [part for part in said if part not in text] == [], text

    def test_what_was_wanted_is_what_is_embedded(self, found: Arrivals) -> None:
        for visit, trace_id in found.visits:
            assert found.stored["wanted"][trace_id].startswith(visit.subject.question)

    def test_models_and_tokens(self, found: Arrivals) -> None:
        for visit, trace_id in found.visits:
            facts = found.stored["facts"][trace_id]
            assert facts["models"] == [MODEL]
            tokens = (facts["input_tokens"], facts["output_tokens"])
            assert tokens == (visit.input_tokens, visit.output_tokens), visit
            assert facts["cost_usd"] > 0
            assert facts["cost_source"] in ("estimated", "mixed")

    def test_tools(self, found: Arrivals) -> None:
        for visit, trace_id in found.visits:
            assert found.stored["facts"][trace_id]["tools"] == [visit.subject.tool], visit

    def test_errors(self, found: Arrivals) -> None:
        # A call of the model that fails takes the whole run with it; a tool alone does not.
        spans = {"": 0, "tool": 1, "overloaded": 2, "refused": 2}
        for visit, trace_id in found.visits:
            facts = found.stored["facts"][trace_id]
            assert (facts["errors"], facts["is_error"]) == (spans[visit.trouble], visit.is_error)

    def test_who_it_was(self, found: Arrivals) -> None:
        for visit, trace_id in found.visits:
            facts = found.stored["facts"][trace_id]
            assert (facts["user_id"], facts["session_id"]) == (visit.user, visit.session)

    def test_all_are_clustered_by_what_was_wanted(self, found: Arrivals) -> None:
        numbers = {
            trace_id: number for number, ids in enumerate(found.clusters) for trace_id in ids
        }
        assert sorted(numbers) == sorted(found.ids.values())
        subjects = [visit.subject.tool for visit, _ in found.visits]
        clusters = [numbers[trace_id] for _, trace_id in found.visits]
        assert adjusted_rand_score(subjects, clusters) == 1.0

    def test_its_key_is_of_its_team_alone(self, arrivals: dict[str, Arrivals]) -> None:
        mine = set(arrivals[self.client].stored["events"])
        others = [set(arrivals[name].stored["events"]) for name in TEAMS if name != self.client]
        assert not any(mine & other for other in others)
