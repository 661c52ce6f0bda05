"""The workflow's side of what a run tells: which activity makes which part, and after which.

No part may fail the run: where one cannot be made, the reason takes its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from trace_clustering import constants as c
    from trace_clustering.models import ClusteredRun, PartMade
    from trace_clustering.models.findings import Part
    from trace_clustering.temporal.failures import short_reason
    from trace_clustering.temporal.running import run_activity

# Part → what makes it, and what it uses where that could be made.
_PARTS: dict[Part, tuple[str, tuple[Part, ...]]] = {
    "levels": ("build_levels_activity", ()),
    "outliers": ("find_outliers_activity", ()),
    "map": ("draw_map_activity", ()),
    "facts": ("collect_facts_activity", ("levels",)),
    "names": ("name_groups_activity", ("levels",)),
    "quality": ("assess_quality_activity", ("outliers",)),
}


@dataclass(frozen=True)
class PartsMade:
    """What came of the parts.

    Attributes:
        missing: by part, why it could not be made.
        verdict: of the quality, where that could be made.
    """

    missing: dict[str, str]
    verdict: str | None


async def make_parts(run: ClusteredRun, until: datetime) -> PartsMade:
    """Make all parts, several at once, none of them beyond ``until``."""
    tasks: dict[Part, asyncio.Task[PartMade | str]] = {}
    for part, (activity, after) in _PARTS.items():
        before = [tasks[other] for other in after]
        tasks[part] = asyncio.create_task(_make(activity, run, before, until))
    made = dict(zip(tasks, await asyncio.gather(*tasks.values()), strict=True))
    missing: dict[str, str] = {part: one for part, one in made.items() if isinstance(one, str)}
    for name, reason in missing.items():
        workflow.logger.warning("Part is missing", extra={"part": name, "reason": reason})
    quality = made["quality"]
    return PartsMade(missing, quality.verdict if isinstance(quality, PartMade) else None)


async def _make(
    activity: str,
    run: ClusteredRun,
    before: Sequence[asyncio.Task[PartMade | str]],
    until: datetime,
) -> PartMade | str:
    """What an activity made, or why it did not."""
    for task in before:
        await task
    left = until - workflow.now()
    if left <= timedelta():
        return "no time was left to make it"
    try:
        made: PartMade = await run_activity(
            activity, run, PartMade, c.MAKE_PART_TIMEOUT, within=left
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return short_reason(error)
    return made
