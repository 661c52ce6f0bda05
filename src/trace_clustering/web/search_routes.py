"""The API's routes that find traces of a team: by words, by meaning, and what lies near one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from trace_clustering.constants import RENDERING_MINIMAL
from trace_clustering.errors import InvalidInputError
from trace_clustering.models import VectorFamily
from trace_clustering.models.browsing import FoundPage
from trace_clustering.traces.embedding import Embedder
from trace_clustering.web.routes import Given, TeamId
from trace_clustering.web.services import Services
from trace_clustering.web.table_query import without_empty

router = APIRouter(prefix="/api/v1/teams/{team_id}", tags=["traces"])

PAGE_SIZE = 50
MAX_QUERY_CHARS = 1_000

# By meaning everything is near to some degree: how far down the list goes has to end somewhere.
_MAX_PAGE_BY_MEANING = 20
_MAX_PAGE = 100_000


class SearchQuery(BaseModel):
    """What is looked for, and how; nothing is found where it is empty."""

    q: str = Field("", max_length=MAX_QUERY_CHARS, description="Of words the first 8 count.")
    by: Literal["words", "meaning"] = "words"
    page: int = Field(1, ge=1, le=_MAX_PAGE)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return without_empty(values)


@router.get("/search")
def search(services: Given, team_id: TeamId, query: Annotated[SearchQuery, Query()]) -> FoundPage:
    """Traces that hold every word or have this id, newest first; or the nearest by meaning."""
    return find(services, team_id, query)


@router.get("/neighbours")
def neighbours(
    services: Given,
    team_id: TeamId,
    trace_id: str,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> FoundPage:
    """The traces that are most like one; none if it has no vector."""
    return services.store.search.neighbours(team_id, trace_id, limit=limit)


def last_page(query: SearchQuery, found: FoundPage) -> int:
    """Of the list that the page is of; an empty one has a page too."""
    last = max(1, -(-found.total // PAGE_SIZE))
    return last if query.by == "words" else min(last, _MAX_PAGE_BY_MEANING)


def find(services: Services, team_id: int, query: SearchQuery) -> FoundPage:
    """A page of what is looked for.

    Raises:
        InvalidInputError: the team's vectors cannot be compared with the query's, or the page is
            farther down than a list by meaning goes.
        EmbeddingError: the query could not be embedded.
    """
    if not query.q.strip():
        return FoundPage(0, [])
    offset = (query.page - 1) * PAGE_SIZE
    if query.by == "words":
        return services.store.search.by_words(team_id, query.q, limit=PAGE_SIZE, offset=offset)
    if query.page > _MAX_PAGE_BY_MEANING:
        problem = f"a list by meaning ends after {_MAX_PAGE_BY_MEANING} pages"
        raise InvalidInputError("page", problem)
    found = _by_meaning(services, team_id, query.q, limit=offset + PAGE_SIZE)
    return replace(found, traces=found.traces[offset:])


def _by_meaning(services: Services, team_id: int, text: str, *, limit: int) -> FoundPage:
    found, embedder = services.store.search, services.summarization.embedder
    family = _comparable(found.families(team_id), embedder)
    if family is None:
        return FoundPage(0, [])
    vector = embedder.embed([text])[0]
    return found.by_meaning(team_id, vector, family, limit=limit)


def _comparable(families: Sequence[VectorFamily], embedder: Embedder) -> VectorFamily | None:
    """The family of the embedder's vectors; None if the team has no vectors at all."""
    model, length = embedder.model_name, embedder.dimensions
    same_model = [one for one in families if one.model_name == model]
    if families and not same_model:
        problem = (
            f"this team's vectors are of the model {families[0].model_name}, "
            f"the service embeds with {model}"
        )
        raise InvalidInputError("by", f"{problem}: search by words")
    own = [one for one in same_model if one.dimensions == length]
    if same_model and not own:
        problem = (
            f"this team's vectors have {same_model[0].dimensions} numbers, "
            f"those of {model} have {length}"
        )
        raise InvalidInputError("by", f"{problem}: search by words")
    # What users asked for says more of a trace than how it went.
    own.sort(key=lambda one: one.rendering != RENDERING_MINIMAL)
    return own[0] if own else None
