"""When traces happen and who they are for."""

from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

DAYS = 21
"""How far the demo reaches back."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_HOURS = (1, 1, 1, 1, 1, 2, 4, 9, 15, 18, 19, 18, 15, 17, 19, 18, 16, 13, 9, 8, 7, 5, 3, 2)
_NIGHT_SHIFT = 5
_WEEKEND = 0.25
_WEEKEND_CONSUMERS = 0.75

_FIRST = (
    *("ada", "ben", "chloe", "dmitri", "elena", "farid", "greta", "hugo", "ines", "jonas"),
    *("kenji", "lucia", "mateo", "nadia", "oskar", "priya", "rosa", "samir", "tara", "yusuf"),
)
_LAST = ("bauer", "costa", "diallo", "eriksen", "fontaine")
_NAMES = tuple(f"{first}.{last}" for last in _LAST for first in _FIRST)
_USERS = tuple(_NAMES[number * 37 % len(_NAMES)] for number in range(len(_NAMES)))
_ACTIVITY = tuple(accumulate(1 / (rank + 4) for rank in range(len(_USERS))))


def pick_user(rng: Random) -> str:
    """One of a hundred users; a few of them are far more active than the rest."""
    return rng.choices(_USERS, cum_weights=_ACTIVITY)[0]


def coming_date(moment: datetime, rng: Random) -> dict[str, str]:
    """A date within ten weeks after ``moment``, as people and as tools write it."""
    coming = moment + timedelta(days=rng.randint(5, 70))
    month = _MONTHS[coming.month - 1]
    return {
        "date": f"{month} {coming.day}",
        "iso_date": f"{coming:%Y-%m-%d}",
        "month": month,
    }


def moments(
    end: datetime, days: int, count: int, *, around_the_clock: bool, rng: Random
) -> list[datetime]:
    """``count`` times in the ``days`` before ``end`` (exclusive), in whole milliseconds.

    Busy in working hours, quiet at night and at weekends, less so if ``around_the_clock``.
    """
    last = end.replace(microsecond=end.microsecond // 1000 * 1000)
    hours = [last - timedelta(hours=back) for back in range(1, days * 24 + 1)]
    weights = [_busyness(hour, around_the_clock) for hour in hours]
    starts = rng.choices(hours, weights=weights, k=count)
    return [start + timedelta(milliseconds=rng.randrange(1, 3_600_000)) for start in starts]


def _busyness(moment: datetime, around_the_clock: bool) -> float:
    by_hour = _HOURS[moment.hour] + (_NIGHT_SHIFT if around_the_clock else 0)
    if moment.weekday() < 5:
        return float(by_hour)
    return by_hour * (_WEEKEND_CONSUMERS if around_the_clock else _WEEKEND)
