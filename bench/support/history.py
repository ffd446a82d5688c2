"""A year of traffic in the archive, made by the engine: as much of it as is wanted, in minutes.

Sites differ in size: one has half of the events, one a tenth, the others share the rest. Visits are
spread over the year with a weekly and a daily rhythm; what they look at and where they come from is
spread as it is on real sites, a few values with much and many with little.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sites.models import Site

#: The sites by their share of the events.
SHARES: Final = {
    "half.example.com": 0.5,
    "tenth.example.com": 0.1,
    **{f"other{number}.example.com": 0.1 for number in range(4)},
}
#: Events of one statement, which the engine holds in memory.
MOST_AT_ONCE: Final = 3_000_000

#: The mean number of events of a visit, from the numbers below.
_EVENTS_PER_VISIT: Final = 6.0

_PAGES: Final = 3_000
_VISIT: Final = """
    SELECT *, h % 1000 / 1000.0 AS u, (h >> 10) % 1000 / 1000.0 AS v, (h >> 20) % 1000 / 1000.0 AS w
    FROM (
        SELECT number, hash(number, {seed}) >> 1 AS h,
            TIMESTAMP '{start}' + to_microseconds((
                ({span_us} * (number + (hash(number, 7) % 1000) / 1000.0) / {visits})
            )::BIGINT) AS started_at
        FROM range({visits}) AS numbers(number)
    )
"""
_FACTS: Final = """
    SELECT {site} AS site_id, {first_id} + number AS visit_id, started_at,
        started_at::DATE AS started_on,
        (hash(h % ({visits} * 4 // 5 + 1), started_at::DATE, {site}) >> 1)::BIGINT AS visitor,
        CASE WHEN u < 0.35 THEN '' WHEN u < 0.65 THEN 'Google'
            ELSE 'source' || (150 * v * v * v)::INT END AS source,
        CASE WHEN u < 0.35 THEN '' WHEN u < 0.65 THEN 'https://www.google.com/'
            ELSE 'https://source' || (150 * v * v * v)::INT || '.example/'
                || (20 * w * w)::INT END AS referrer,
        CASE WHEN u < 0.35 THEN 'Direct' WHEN u < 0.65 THEN 'Organic Search'
            WHEN v < 0.3 THEN 'Organic Social' WHEN v < 0.9 THEN 'Referral' ELSE 'Email' END
            AS channel,
        CASE WHEN u > 0.9 THEN 'campaign' || (30 * v * v)::INT ELSE '' END AS utm_campaign,
        CASE WHEN u > 0.9 THEN 'mail' ELSE '' END AS utm_source,
        CASE WHEN u > 0.9 THEN 'email' ELSE '' END AS utm_medium,
        '' AS utm_term, '' AS utm_content,
        chr(65 + (10 * v * v)::INT) || chr(65 + (6 * w)::INT) AS country,
        'Region ' || (10 * v * v)::INT || '-' || (12 * w * w)::INT AS region,
        'City ' || (10 * v * v)::INT || '-' || (60 * w * w)::INT AS city,
        CASE WHEN w < 0.6 THEN 'Chrome' WHEN w < 0.85 THEN 'Safari' WHEN w < 0.93 THEN 'Firefox'
            ELSE 'Edge' END AS browser,
        (100 + 40 * v)::INT::VARCHAR AS browser_version,
        CASE WHEN v < 0.4 THEN 'Android' WHEN v < 0.6 THEN 'iOS' WHEN v < 0.85 THEN 'Windows'
            ELSE 'macOS' END AS operating_system,
        (10 + 8 * u)::INT::VARCHAR AS operating_system_version,
        CASE WHEN v < 0.6 THEN 'mobile' ELSE 'desktop' END AS device,
        (360 + 60 * (20 * u * w)::INT)::INT AS screen_width,
        CASE WHEN w < 0.5 THEN 'en' WHEN w < 0.8 THEN 'de' ELSE 'fr' END AS language,
        CASE WHEN w < 0.45 THEN 1 ELSE 2 + (8 * v * v)::INT END AS views, h, u, v, w
    FROM visits
"""
_EVENTS: Final = """
    SELECT facts.*, step, h2,
        started_at + to_milliseconds(step * (4000 + h % 90000)) AS happened_at,
        '/page/' || ({pages} * pow((h2 >> (4 * (step // 2))) % 1000 / 1000.0, 3))::INT AS page,
        CASE WHEN step % 2 = 0 THEN 'pageview' WHEN step = 1 AND h % 11 = 0 THEN 'signup'
            ELSE 'engagement' END AS name
    FROM (SELECT *, unnest(range(views * 2)) AS step, hash(h, 3) AS h2 FROM facts) AS facts
"""
_WIDE: Final = """
    SELECT site_id, visit_id, happened_at, happened_at::DATE AS happened_on, name,
        '{domain}' AS hostname, page,
        CASE WHEN name = 'pageview' THEN 'Title of ' || page ELSE '' END AS title,
        true AS interactive,
        CASE WHEN name = 'signup' THEN MAP {{'plan': 'plan ' || (h % 5)}}
            ELSE MAP {{}}::MAP(VARCHAR, VARCHAR) END AS props,
        NULL::DECIMAL(19, 4) AS revenue_amount, '' AS revenue_currency,
        CASE WHEN name = 'engagement' THEN (500 + h2 % 60000)::INT END AS engagement_ms,
        CASE WHEN name = 'engagement' THEN (10 * ((h2 >> 8) % 11))::SMALLINT END AS scroll_depth,
        visitor, started_at, started_on,
        first_value(page) OVER visit AS entry_page,
        last_value(page) OVER visit AS exit_page,
        {facts},
        views = 1 AND bool_and(name <> 'signup') OVER visit AS bounced,
        views >= 2 OR max(epoch_us(happened_at)) OVER visit - epoch_us(started_at) >= 10000000
            AS engaged,
        max(epoch_us(happened_at)) OVER visit - epoch_us(started_at) AS duration_us
    FROM events
    WINDOW visit AS (PARTITION BY visit_id ORDER BY happened_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
"""


def fill_archive(
    events: int, now: datetime, days: int, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Site]:
    """Fill the archive with about `events` events of so many days up to today; return the sites.

    Their days are rolled up, but for today: that one is still going on, although the archive has
    all of its events already.
    """
    from reports.rolling_up import roll_up
    from sites.models import Site

    end = now.date() + timedelta(days=1)
    sites = {}
    next_id = 1
    for domain, share in SHARES.items():
        site = sites[domain] = Site.objects.create(domain=domain)
        next_id += fill_site(site, round(events * share), end, next_id, days)
        roll_up(site, now)
        tell(f"{domain} is archived and rolled up.")
    return sites


def fill_site(site: Site, events: int, end: date, first_id: int, days: int = 365) -> int:
    """Archive about `events` events of so many days before `end`; return how many visits."""
    filled = 0
    for month, following in _months(end - timedelta(days=days), end):
        length = (following - month).days
        visits = round(events * length / days / _EVENTS_PER_VISIT)
        parts = 1 + round(visits * _EVENTS_PER_VISIT) // MOST_AT_ONCE
        span = timedelta(days=length) / parts
        begin = datetime.combine(month, datetime.min.time())
        for part in range(parts):
            filled += _add_visits(
                site, first_id + filled, begin + part * span, span, visits // parts
            )
    return filled


def _months(start: date, end: date) -> list[tuple[date, date]]:
    from reports.dates import next_month

    months = []
    while start < end:
        months.append((start, min(end, next_month(start))))
        start = months[-1][1]
    return months


def _add_visits(site: Site, first_id: int, start: datetime, span: timedelta, visits: int) -> int:
    from archive.archiver import working_table
    from archive.files import write_events
    from archive.lists import ListChange
    from visits.models import VISIT_FACTS

    if visits < 1:
        return 0
    # Visits begin early enough to end within the span.
    span_us = max(1, int((span - timedelta(hours=1)).total_seconds() * 1_000_000))
    sql = (
        "INSERT INTO working BY NAME WITH visits AS ("
        + _VISIT.format(seed=first_id % 1_000_003, start=start, span_us=span_us, visits=visits)
        + "), facts AS ("
        + _FACTS.format(site=site.pk, first_id=first_id, visits=visits)
        + "), events AS ("
        + _EVENTS.format(pages=_PAGES)
        + ") "
        + _WIDE.format(domain=site.domain, facts=", ".join(VISIT_FACTS))
    )
    with working_table() as engine:
        engine.execute(sql)
        draft = write_events(engine, site.pk, "working")
    assert draft is not None
    ListChange(site_id=site.pk, added=[draft]).commit()
    return visits
