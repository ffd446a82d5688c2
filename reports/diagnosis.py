"""What the addresses of a site's hits say about its proxies: the likely cause, and its cure.

`visits.ingestion.diagnosis` counts signs as hits come in. Here is what they mean: CAUSES, of which
the first that holds is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from django.conf import settings

from reports.dates import DAY
from visits.daily import DayCounts
from visits.data.proxies import PROXIES
from visits.ingestion.diagnosis import Sign

#: So many hits are enough to judge by; with fewer there are notes, and no alarm.
ENOUGH: Final = 50
#: More than a developer sends in a day, who looks at the pages on this machine.
MANY: Final = 500
#: How many days are looked at, until there are enough hits.
MOST_DAYS: Final = 7
#: Above it, an address is shared by too many to be a visitor's.
SHARED: Final = 0.9
#: Above it, most hits have a sign.
MOST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs in a site's latest hits, since the first of the days that had to be looked at."""

    since: date
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def judged(self) -> int:
        """How many hits were looked at."""
        return self.counts[Sign.JUDGED.value]

    @property
    def shared(self) -> float:
        """The share of the hits that have one address in common; 0 when no two have."""
        return self.share(Sign.SHARED) if self.counts[Sign.SHARED.value] > 1 else 0.0

    @property
    def is_shared(self) -> bool:
        """Whether nearly all hits have one address."""
        return self.shared > SHARED

    def share(self, sign: Sign) -> float:
        """Return the share of the hits that have the sign; 0 when there are none."""
        return self.counts[sign.value] / self.judged if self.judged else 0.0

    def most(self, *signs: Sign) -> bool:
        """Whether most of the hits have one of these signs."""
        return sum(self.share(sign) for sign in signs) > MOST

    @property
    def are_inside(self) -> bool:
        """Whether most addresses are of networks that no visitor on the internet is in."""
        return self.most(Sign.LOOPBACK, Sign.PRIVATE, Sign.CARRIER)

    @property
    def are_ignored(self) -> bool:
        """Whether most hits came with an X-Forwarded-For that was not believed to its end."""
        return self.most(Sign.FORWARDED_IGNORED)

    @property
    def are_believed(self) -> bool:
        """Whether most hits came with an X-Forwarded-For that was believed."""
        return self.most(Sign.FORWARDED_BELIEVED)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a cure, and what is to be written for it."""

    words: str
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why addresses are not the visitors' own: when it holds, in words, and what helps.

    `mark` stands in lists. `trust` is what TRUSTED_PROXIES has to name in the end. A cause that
    `is_plain` is told from the first hit on, as a note, others with ENOUGH hits. One that
    `is_note` is never an alarm, one that `is_quiet` only with MANY hits.
    """

    mark: str
    holds: Callable[[Signs], bool]
    words: str
    steps: tuple[Step, ...] = ()
    trust: str = ""
    is_plain: bool = False
    is_note: bool = False
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The cause that holds for a site, what it was judged by, and whether it is an alarm."""

    cause: Cause
    signs: Signs
    is_alarm: bool

    @property
    def steps(self) -> list[Step]:
        """The cure, step by step; empty where there is nothing to do."""
        return [*self.cause.steps, *([_trust(self.cause.trust)] if self.cause.trust else [])]


PASS_ON: Final = Step(
    "Let that proxy pass on whom it stands in front of. In nginx:",
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
)

CAUSES: Final[tuple[Cause, ...]] = (
    Cause(
        mark="sender names no visitors",
        holds=lambda signs: signs.is_shared and signs.most(Sign.SENDER),
        words="A program with an API key sends most of these hits, and with one address for all: "
        "its own, or that of a proxy in front of it.",
        steps=(
            Step(
                "Let the program name each visitor, as it sees them behind its own proxy:",
                '"address": "<the visitor\'s>", "user_agent": "<the visitor\'s>"',
            ),
        ),
    ),
    Cause(
        mark="proxy not trusted",
        holds=lambda signs: signs.most(Sign.LOOPBACK) and signs.are_ignored,
        words="A proxy on this machine stands in front, and what it says of the visitors is not "
        "believed.",
        trust="loopback",
        is_plain=True,
    ),
    Cause(
        mark="proxy not trusted",
        holds=lambda signs: signs.most(Sign.PRIVATE) and signs.are_ignored,
        words="A proxy with a private address stands in front, and what it says of the visitors "
        "is not believed.",
        trust="private",
        is_plain=True,
    ),
    Cause(
        mark="proxy not trusted",
        holds=lambda signs: signs.most(Sign.CARRIER) and signs.are_ignored,
        words="A proxy in a network such as a cloud's or an overlay's (100.64.0.0/10) stands in "
        "front, and what it says of the visitors is not believed.",
        trust="100.64.0.0/10",
        is_plain=True,
    ),
    Cause(
        mark="proxy not trusted",
        holds=lambda signs: signs.most(Sign.CLOUDFLARE) and signs.are_ignored,
        words="Cloudflare stands in front, and what it says of the visitors is not believed.",
        trust="cloudflare",
        is_plain=True,
    ),
    Cause(
        mark="proxy hides visitors",
        holds=lambda signs: signs.most(Sign.CLOUDFLARE),
        words="Cloudflare stands in front, and a proxy of your own behind it does not pass on "
        "what Cloudflare says of the visitors.",
        steps=(PASS_ON,),
        trust="cloudflare",
        is_plain=True,
    ),
    Cause(
        mark="proxy hides visitors",
        holds=lambda signs: signs.are_inside and signs.is_shared and signs.are_believed,
        words="The proxy that you trust names one address for nearly all visitors: another proxy "
        "stands in front of it, and the header X-Forwarded-For of that one is missing or replaced.",
        steps=(PASS_ON,),
        trust="private",
    ),
    Cause(
        mark="this machine",
        holds=lambda signs: signs.most(Sign.LOOPBACK),
        words="These hits come from this machine itself, which is right while you develop. If "
        "visitors come from elsewhere, a proxy on this machine does not pass on X-Forwarded-For.",
        steps=(PASS_ON,),
        trust="loopback",
        is_plain=True,
        is_quiet=True,
    ),
    Cause(
        mark="proxy hides visitors",
        holds=lambda signs: signs.most(Sign.PRIVATE) and signs.is_shared,
        words="A proxy with a private address stands in front, and does not pass on "
        "X-Forwarded-For.",
        steps=(PASS_ON,),
        trust="private",
    ),
    Cause(
        mark="proxy hides visitors",
        holds=lambda signs: signs.most(Sign.CARRIER) and signs.is_shared,
        words="A proxy in a network such as a cloud's or an overlay's (100.64.0.0/10) stands in "
        "front, and does not pass on X-Forwarded-For.",
        steps=(PASS_ON,),
        trust="100.64.0.0/10",
    ),
    Cause(
        mark="private network",
        holds=lambda signs: signs.are_inside,
        words="Most visitors have private addresses, and not one alone. That is right for a site "
        "inside your own network. On a public site, they are those of several proxies that do not "
        "pass on X-Forwarded-For.",
        is_note=True,
    ),
    Cause(
        mark="proxy not trusted",
        holds=lambda signs: signs.is_shared and signs.are_ignored,
        words="A proxy with a public address stands in front, such as a CDN or a load balancer, "
        "and what it says of the visitors is not believed.",
        trust="<its networks>",
    ),
    Cause(
        mark="one address",
        holds=lambda signs: signs.is_shared,
        words="Nearly all hits have one address: one visitor, an office, a monitor; or a CDN or "
        "load balancer that passes on no X-Forwarded-For.",
        steps=(
            Step("If that is how your visitors come, there is nothing to do."),
            Step(f"Else: {PASS_ON.words[0].lower()}{PASS_ON.words[1:]}", PASS_ON.code),
        ),
        trust="<its networks>",
    ),
)


def read_signs(counts: DayCounts, today: date) -> Signs:
    """Return the signs in a site's latest hits: today's, and those of days before while too few.

    `counts` are those of `visits.daily.read_counts`, at least MOST_DAYS days of them. So a cure
    shows on the next day of a site that has enough hits a day, within a week of any other.
    """
    names = {sign.value for sign in Sign}
    signs = Signs(today)
    for back in range(MOST_DAYS):
        day = today - back * DAY
        of_day = {name: count for name, count in counts.get(day, {}).items() if name in names}
        if of_day:
            signs = Signs(day, signs.counts + Counter(of_day))
        if signs.judged >= ENOUGH:
            break
    return signs


def diagnose(signs: Signs) -> Finding | None:
    """Return the first of CAUSES that holds; None where the addresses look like visitors'."""
    for cause in CAUSES:
        if signs.judged and cause.holds(signs):
            break
    else:
        return None
    if signs.judged < ENOUGH:
        return Finding(cause, signs, is_alarm=False) if cause.is_plain else None
    is_quiet = cause.is_note or (cause.is_quiet and signs.judged < MANY)
    return Finding(cause, signs, is_alarm=not is_quiet)


def _trust(networks: str) -> Step:
    """Return the step that names the proxy, in view of what TRUSTED_PROXIES names already."""
    named = {str(network) for network in settings.TRUSTED_PROXIES}
    if named.issuperset(PROXIES.get(networks, (networks,))):
        return Step("TRUSTED_PROXIES names it by now: the hits that come from here on will tell.")
    if settings.TRUSTED_PROXIES:
        return Step(
            f"Add {networks} to what TRUSTED_PROXIES names, and start the server again:",
            f"TRUSTED_PROXIES=…,{networks}",
        )
    return Step(
        "Trust the proxy, in the environment or in .env, and start the server again:",
        f"TRUSTED_PROXIES={networks}",
    )
