"""A line of the file becomes hits, or is refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from imports.exceptions import RefusedLineError
from imports.known import known_readers
from imports.lines import MAX_LINE, Line
from imports.steps import past_steps
from imports.tally import Tally
from sites.registry import find_site
from visits.ingestion.fields import MalformedHitError, read_past_hit
from visits.ingestion.hit import Drop, DropReason, Hit, SentHit
from visits.ingestion.pipeline import take_steps

#: Why a line is refused, beside the reasons for which no site takes a hit.
MALFORMED: Final = "malformed"
TOO_LONG: Final = "too_long"
OTHER_SITE: Final = "other_site"

#: Drops that nobody counts, as there is no site that wants the hit: the line is refused.
_NO_SITE: Final = {
    DropReason.UNKNOWN_SITE: "No site has the domain {}.",
    DropReason.SITE_PAUSED: "{} does not collect.",
}


class LineReader:
    """Reads lines into hits that took every step, and counts what becomes of them.

    `domain` is the one site that lines may be for, and need not name; empty: each names its own.
    `stored_until` tells by site the byte before which its hits are in the archive.
    """

    def __init__(self, *, domain: str, stored_until: Mapping[int, int]) -> None:
        self.domain = domain
        self.stored_until = stored_until
        self.readers = known_readers()
        self.steps = past_steps()

    def read(self, line: Line, tally: Tally) -> Iterator[Hit]:
        """Yield the line's hits, one for each site that takes it.

        Raises RefusedLineError, after the last, when a site does not or the line cannot be read.
        """
        sent = self._read_fields(line)
        tally.cut_fields.update(sent.cut)
        refused: dict[str, DropReason] = {}
        for domain in sent.domains:
            hit = _make_hit(sent, domain)
            if self._is_stored(domain, line):
                tally.known += 1
                continue
            match take_steps(hit, self.steps, tally.counts):
                case Hit() as taken:
                    tally.hits += 1
                    yield taken
                case Drop(why) if why in _NO_SITE:
                    refused[domain] = why
        if refused:
            errors = [_NO_SITE[reason].format(domain) for domain, reason in refused.items()]
            some = tuple(refused) if len(refused) < len(sent.domains) else ()
            reason = next(iter(refused.values())).value
            raise RefusedLineError(reason, {"domain": errors}, domains=some)

    def _read_fields(self, line: Line) -> SentHit:
        if line.text is None:
            message = f"At most {MAX_LINE // 1024} KB."
            raise RefusedLineError(TOO_LONG, {"body": [message]})
        try:
            data = self._with_domain(orjson.loads(line.text))
            sent = read_past_hit(data, readers=self.readers)
        except orjson.JSONDecodeError:
            message = "Send one JSON object, in UTF-8."
            raise RefusedLineError(MALFORMED, {"body": [message]}) from None
        except MalformedHitError as error:
            raise RefusedLineError(MALFORMED, error.errors) from None
        if self.domain and sent.domains != (self.domain,):
            message = f"This import is for {self.domain} alone."
            raise RefusedLineError(OTHER_SITE, {"domain": [message]})
        return sent

    def _with_domain(self, data: Any) -> Any:
        if self.domain and isinstance(data, dict):
            names = [name for name in ("d", "domain") if data.get(name) is not None]
            return data if names else {**data, "domain": self.domain}
        return data

    def _is_stored(self, domain: str, line: Line) -> bool:
        if not self.stored_until:
            return False
        site = find_site(domain)
        return site is not None and line.start < self.stored_until.get(site.id, 0)


def _make_hit(sent: SentHit, domain: str) -> Hit:
    """Return the hit that a sender with an API key would have sent when it happened."""
    return _BLANK.put(
        sent=sent,
        domain=domain,
        received_at=sent.at,
        address=sent.address,
        user_agent=sent.user_agent,
    )


#: To copy one is quicker than to make one.
_BLANK: Final = Hit(
    sent=SentHit(name="", url="", domains=()),
    domain="",
    received_at=datetime.min.replace(tzinfo=UTC),
    address="",
    user_agent="",
    is_trusted=True,
)


def refused_text(line: Line, error: RefusedLineError) -> bytes:
    """Return the line as it can be imported again once it is put right; empty for one too long.

    Of one that some of its sites took, it names only the others.
    """
    if line.text is None:
        return b""
    text = line.text.strip()
    if error.domains:
        fields = {name: value for name, value in orjson.loads(text).items() if name != "d"}
        text = orjson.dumps(fields | {"domain": ",".join(error.domains)})
    return text + b"\n"
