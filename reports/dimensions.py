"""Everything that a report may group by or filter on: a name, and the column it stands for.

The one table that reports ask holds events, each with what is known of its visit: every dimension
is a column of it, or an expression over one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext_noop as _

from reports.dates import Interval
from reports.words import say


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One named thing to group by.

    `condition` leaves out events that have no such thing (a pageview has no custom event's name);
    `empty` is what pages show for an empty value. `argument` is a value, such as a property's name,
    that stands at `{argument}` in the expression. `tells_action` is true of what visitors do
    to convert.
    """

    name: str
    label: str
    expression: str
    condition: str = ""
    empty: str = _("(none)")
    argument: str | None = None
    #: What values are called, by which rows show and sort them; others show as they are.
    names: tuple[tuple[str, str], ...] = ()
    tells_action: bool = False

    @property
    def title(self) -> str:
        """The label in the reader's language."""
        return say(self.label)


def _fact(name: str, label: str, *, empty: str = _("(unknown)")) -> Dimension:
    return Dimension(name=name, label=label, expression=name, empty=empty)


PAGE: Final = Dimension(name="page", label=_("Page"), expression="page")
TITLE: Final = Dimension(
    name="title", label=_("Title"), expression="title", condition="title <> ''"
)
HOSTNAME: Final = Dimension(name="hostname", label=_("Hostname"), expression="hostname")
EVENT: Final = Dimension(
    name="event",
    label=_("Event"),
    expression="name",
    condition="name <> 'engagement'",
    tells_action=True,
)
#: What programs call a goal: each of the site's own events. Goals with conditions: reports.goals.
GOAL: Final = Dimension(
    name="goal",
    label=_("Goal"),
    expression="name",
    condition="name NOT IN ('pageview', 'engagement')",
    tells_action=True,
)
ENTRY_PAGE: Final = Dimension(
    name="entry_page",
    label=_("Entry page"),
    expression="entry_page",
    condition="entry_page <> ''",
)
EXIT_PAGE: Final = Dimension(
    name="exit_page",
    label=_("Exit page"),
    expression="exit_page",
    condition="exit_page <> ''",
)
SOURCE: Final = _fact("source", _("Source"), empty=_("Direct / None"))
REFERRER: Final = _fact("referrer", _("Referrer"), empty=_("Direct / None"))
CHANNEL: Final = _fact("channel", _("Channel"))
COUNTRY: Final = _fact("country", _("Country"))
BROWSER: Final = _fact("browser", _("Browser"))
OPERATING_SYSTEM: Final = _fact("operating_system", _("Operating system"))
DEVICE: Final = _fact("device", _("Device"))
#: By the width in CSS pixels: phones, tablets, laptops and larger ones, roughly.
SCREEN: Final = Dimension(
    name="screen",
    label=_("Screen"),
    expression=(
        "CASE WHEN screen_width < 576 THEN '0-575' WHEN screen_width < 992 THEN '576-991'"
        " WHEN screen_width < 1440 THEN '992-1439' WHEN screen_width >= 1440 THEN '1440+'"
        " ELSE '' END"
    ),
    empty=_("(unknown)"),
)
LANGUAGE: Final = _fact("language", _("Language"))

DIMENSIONS: Final[dict[str, Dimension]] = {
    dimension.name: dimension
    for dimension in (
        PAGE,
        ENTRY_PAGE,
        EXIT_PAGE,
        TITLE,
        HOSTNAME,
        EVENT,
        SOURCE,
        REFERRER,
        CHANNEL,
        _fact("utm_source", _("UTM source"), empty=_("(none)")),
        _fact("utm_medium", _("UTM medium"), empty=_("(none)")),
        _fact("utm_campaign", _("UTM campaign"), empty=_("(none)")),
        _fact("utm_term", _("UTM term"), empty=_("(none)")),
        _fact("utm_content", _("UTM content"), empty=_("(none)")),
        COUNTRY,
        _fact("region", _("Region")),
        _fact("city", _("City")),
        BROWSER,
        _fact("browser_version", _("Browser version")),
        OPERATING_SYSTEM,
        _fact("operating_system_version", _("Operating system version")),
        DEVICE,
        SCREEN,
        LANGUAGE,
    )
}


def property_dimension(name: str) -> Dimension:
    """Return the dimension of a property of events, whatever its name; empty where it is not."""
    return Dimension(
        name=f"property:{name}",
        label=name,
        expression="coalesce(props[{argument}], '')",
        argument=name,
        tells_action=True,
    )


def _week(days_later: int) -> Dimension:
    """Weeks that begin so many days after a Monday."""
    shift = (7 - days_later) % 7
    expression = "date_trunc('week', happened_on)::DATE"
    if shift:
        expression = f"date_trunc('week', happened_on + {shift})::DATE - {shift}"
    return Dimension(name="time_week", label=_("Week"), expression=expression)


#: Weeks by the day on which they begin, 1 for Monday.
WEEKS: Final = {day: _week(day - 1) for day in (1, 6, 7)}

#: Time, by the width of a bucket; a site's weeks are one of WEEKS. A minute's and an hour's come
#: from the beginnings that the question brings.
TIME: Final[dict[Interval, Dimension]] = {
    Interval.MINUTE: Dimension(
        name="time_minute", label=_("Minute"), expression="minutes.starts_at"
    ),
    Interval.HOUR: Dimension(name="time_hour", label=_("Hour"), expression="hours.starts_at"),
    Interval.DAY: Dimension(name="time_day", label=_("Day"), expression="happened_on"),
    Interval.WEEK: WEEKS[1],
    Interval.MONTH: Dimension(
        name="time_month",
        label=_("Month"),
        expression="date_trunc('month', happened_on)::DATE",
    ),
}

#: What comes again every week: 1 is Monday, 7 Sunday ...
WEEKDAY: Final = Dimension(name="weekday", label=_("Weekday"), expression="isodow(happened_on)")
#: ... and every day: 0 to 23, as the site's clocks showed it. The question brings what they showed.
HOUR_OF_DAY: Final = Dimension(name="hour_of_day", label=_("Hour of day"), expression="hour_of_day")

#: The width of what is a bucket of time.
INTERVALS: Final[dict[Dimension, Interval]] = {
    **{dimension: interval for interval, dimension in TIME.items()},
    **dict.fromkeys(WEEKS.values(), Interval.WEEK),
}
#: Those that tell when something happened.
OF_TIME: Final = frozenset({*INTERVALS, WEEKDAY, HOUR_OF_DAY})


def time_dimension(interval: Interval, week_begins: int) -> Dimension:
    """Return the buckets of a width, for weeks those that begin on that day, 1 for Monday."""
    return WEEKS[week_begins] if interval is Interval.WEEK else TIME[interval]
