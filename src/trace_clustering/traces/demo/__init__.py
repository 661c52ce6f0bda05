"""Made-up traces of four products, so that there is something to look at at once.

Everything is derived from the end date and the seed: the same two give the same lines.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from trace_clustering.errors import InvalidInputError, NotFoundError
from trace_clustering.traces.demo.coding import CODING
from trace_clustering.traces.demo.generator import labelled_lines
from trace_clustering.traces.demo.model import DemoTeam, Product
from trace_clustering.traces.demo.people_desk import PEOPLE_DESK
from trace_clustering.traces.demo.shop import SHOP
from trace_clustering.traces.demo.travel import TRAVEL

__all__ = ["DEMO_TEAMS", "DemoTeam", "demo_trace_lines", "product_of"]

DEMO_TEAMS: tuple[DemoTeam, ...] = (
    DemoTeam(101, "Skylark Airways", "Customer-service agent of an airline, with booking tools"),
    DemoTeam(102, "Forgewise", "Coding assistant inside an editor"),
    DemoTeam(103, "Fern & Kettle", "Shopping assistant of an online shop for the home"),
    DemoTeam(104, "Larkfield People Desk", "Pilot of an HR helper, too small to be clustered"),
)
"""The teams of the demo; the last has fewer traces than a run needs.

Their ids leave team 1 to the traces of whoever tries the demo first.
"""

_PRODUCTS = dict(
    zip((team.team_id for team in DEMO_TEAMS), (TRAVEL, CODING, SHOP, PEOPLE_DESK), strict=True)
)


def demo_trace_lines(team: DemoTeam, end: datetime, seed: int = 7) -> Iterator[dict[str, object]]:
    """Three weeks of traces of ``team`` that end before ``end``, oldest first.

    Each is an object in the format that
    :func:`~trace_clustering.traces.reading.parse_trace_line` reads.

    Raises:
        NotFoundError: if ``team`` is none of :data:`DEMO_TEAMS`.
        InvalidInputError: if ``end`` has no time zone.
    """
    product = product_of(team)
    if end.tzinfo is None:
        raise InvalidInputError("end", "has no time zone")
    return (line for _, line in labelled_lines(product, end.astimezone(UTC), seed))


def product_of(team: DemoTeam) -> Product:
    """What ``team`` makes.

    Raises:
        NotFoundError: if ``team`` is none of :data:`DEMO_TEAMS`.
    """
    if team.team_id not in _PRODUCTS:
        raise NotFoundError(f"there is no demo team {team.team_id}")
    return _PRODUCTS[team.team_id]
