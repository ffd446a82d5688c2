"""Which user agents say that they are programs: crawlers, monitors, previewers, HTTP libraries."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import crawleruseragents
from ua_parser import Domain
from ua_parser.lazy import UserAgentMatcher
from ua_parser.regex import Resolver

from visits.ingestion.devices import MAX_USER_AGENT, is_spider
from visits.ingestion.text import clean_text

_FILE: Final = Path(__file__).parents[1] / "data" / "programs.txt"

#: Rules of the crawler-user-agents list that also hit browsers of people, and what stands in their
#: place; None where nothing has to. Read against its release 1.67.
NARROWED_RULES: Final[dict[str, str | None]] = {
    # Parts of other words: "MAUI Runtime; Opera Mini/4.4.39008/", "WIRED/3.2", "bright".
    r"008\/": r"\b008\/0",
    r"BW\/": r"\bBW\/",
    r"RED\/": r"\bRED\/",
    r"Fetch\/": r"^Fetch\/|[^c]Fetch\/",  # MozacFetch is Firefox's own on Android
    "eright": r"\beright\/",
    "linko": r"linko\.app",
    # What a person's browser or app also calls itself, or the apps that it shows pages in.
    r"AP3A\.240617\.008": None,  # a build of Android 15, on millions of phones
    r"Bluesky\/": r"^Bluesky\/",
    r"Code\/1\.": None,  # VS Code, whose own browser shows people their pages
    "Feedly": r"^Feedly|FeedlyBot|feedly\.com",
    "Fluid": None,  # a Mac's browser for a single site
    "MetaIAB Facebook": None,  # Facebook's in-app browser
    r"Notion\/": r"^Notion\/",
    r"PayPal\/": r"^PayPal\/",
    "Sogou": r"(?i)sogou.*spider|sogou\.com\/docs",
    "Sonic": r"RankSonic|compatible; Sonic\/",  # "Sonic Slack_SSB" is Slack's desktop app
    r"Tumblr\/": r"^Tumblr\/",
    "Viber": r"^Viber$|^Viber\/[\d.]+$",
    "WhatsApp": "(?i)^WhatsApp",
    # Plain words, which phones and carriers are called by.
    "Adventurer": "^Adventurer",
    "Blackboard": "Blackboard Safeassign",
    "Butterfly": r"Butterfly\/1\.0; \+http",
    "Devin": r"Devin\/",
    "Hello World": "^Hello World",
    "Magellan": "^Magellan",
    "Trove": None,
    "ds9": "^ds9 ",
    "fluffy": None,
    "speedy": "(?i)speedy.?spider",
}

# What programs say of themselves, also those that no list knows, and also where they go on like a
# browser. The shape of the first is for the CUBOT phones.
_WORDS: Final = (
    r"(?i)(?:^|[^u]|[^c]u)bots?(?:[^a-z]|$)",
    r"(?i)robot|crawl|spider|scrap(?:er|ing|y)|slurp|sitemap|archiver|indexer|thumbor",
    r"(?i)monitoring|[a-z]monitor\b|uptime|synthetic|dejaclick|page ?speed|search console",
    r"(?i)headless|lighthouse|phantomjs|puppeteer|playwright|selenium|webdriver|htmlunit|jsdom",
    r"(?i)(?:web|link|ur[il]) ?preview|link ?expander|weblight|transcoder",
    r"(?i)(?:image|mail) ?proxy|\bproxy\)|burpcollaborator|powershell\/",
    r"(?i)(?:^|[;(,] ?)google-[a-z]|classifier|devtools|fake_useragent|[a-z]_scanner|web ?hook",
)
# Whom to ask about them; a browser has nobody to ask.
_CONTACTS: Final = (
    r"(?i).\bhttps?:\/\/",
    r"(?i)\b(?:abuse|bot|contact|crawl|help|info|research|robot|security|spider|support|webmaster)"
    r"[\w.+-]*(?:@| ?\(at\) ?| at )[a-z]",
)
# No letter in it; one word too long to be read; a placeholder; a request's first line, or a list's
# first column before a browser's text; the bare name of a browser or phone, which says more.
_NOTHING: Final = (
    r"^[\W\d_]*$",
    r"^[A-Za-z0-9+\/=]{80,}$",
    r"(?i)^(?:anonymous|default|none|null|undefined|unknown)?[ _-]?(?:user[ _-]?agent)?$",
    r"^(?:GET|HEAD|POST) |^[\w ]+[,|] ?Mozilla\/",
    r"(?i)^(?:android|chrome|edge|firefox|ipad|iphone|mozilla|opera|safari)$",
)

# A browser's greeting and at most one word, which may stand in brackets and have a version: a
# browser goes on with its system. Where the word is a system's, it may be a browser's first words.
_GREETING: Final = (
    r"^Mozilla\/\d\.\d+ ?(?:\((?:compatible)?[; ]*[\w.-]*(?:\/[\w.-]+)?[; ]*\)|[\w-]+)?$",
)
_SYSTEMS: Final = (
    r"(?i)amiga|android|bada|beos|blackberry|cros|haiku|i(?:pad|phone|pod)|inferno|kaios|linux"
    r"|mac|morphos|nintendo|nokia|office|os\/?2|palm|playstation|psp|series|symbian|tizen|tv"
    r"|ubuntu|unix|web0?s|win|x11|xbox",
)

# Words that apps with a browser inside may have too, and the libraries and tools that programs
# send requests with: these count where no engine of a browser is named.
_WORDS_OF_TOOLS: Final = (
    r"(?i)checker|resolver|inspector|validat(?:or|ion)|fetcher|harvest|grabber|sniffer|analy[sz]er",
    r"(?i)scan(?:s|ner|ning)?\b|download(?:er|ing)|extractor|archiving|webparser",
    r"(?i)\brss|rss\b|\bfeeds?\b|feed.?(?:pars|read|fetch|demon|burner|wrangler)|pubsub",
    r"(?i)health.?(?:check|service)|pinger|probe(?:\/|$)|\bcron\b|cloud-tasks",
    r"(?i)http[-_]?client|httplib|libcurl|libwww-perl|winhttp|-resty|akka-http|scalaj-http|reactornetty",
    r"(?i)\bcurl\/|\bwget|aws-sdk|botocore|kube-probe|elb-health|check_http|apachebench",
)
_TOOLS: Final = (
    r"(?i)^(?:python|java|perl|php|ruby|lua|rust|dart|deno|bun|node|go)(?:[\W_\d]|$)",
    r"(?i)^(?:aiohttp|alamofire|apache|aria2|aws-|axios|boto|faraday|fasthttp|grpc|guzzle"
    r"|http(?:ie|x|_|-kit|\.rb)|hyper|insomnia|jakarta|itms$|jersey|lwp[ :\/-]|needle"
    r"|octopus [\d.]+$|okhttp|openai\/|postman|prometheus|pycurl|reqwest|request|rest-?client"
    r"|restsharp|spotify\/1\.0$|superagent|typhoeus|undici|unirest|ureq|urllib|valve\/)",
    r"(?i)^(?:apt|axel|debian|dnf|git|lftp|npm|pip|rclone|ubuntu|urlgrabber|yum)[ \/-]",
    r"(?i)^(?:arachni|clamav|collectd|discourse|microsoft-cryptoapi|monit|munin|nuclei|vert\.x|xymon)",
)

# The few that say it among the system and model of a phone that they play; models are called
# anything, so that nothing else is looked for there.
_AMONG_THE_MODEL: Final = (
    r"(?i)[;(] ?[a-z][\w.-]*(?:bot|spider|crawler)[\w.-]*\/\d",
    r"(?i)[;(] ?(?:storebot|duplexweb)-google|; catchpoint\b|\+https?:\/\/",
)

#: What every browser names that can run a script.
_ENGINES: Final = ("AppleWebKit/", "Gecko/", "Presto/", "Trident/")


def _compile(rules: tuple[str, ...]) -> Resolver:
    """Return one search for all rules: ua-parser's Rust engine, linear in the text's length.

    The list's own function tries its rules in Python's engine, a hundred times slower.
    """
    return Resolver(([UserAgentMatcher(rule, "program") for rule in rules], [], []))


def _list_rules() -> tuple[str, ...]:
    rules = (entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA)
    return tuple(narrow for rule in rules if (narrow := NARROWED_RULES.get(rule, rule)))


def _read_names() -> tuple[list[str], list[str]]:
    """Return the names of the file that count anywhere, and those that an agent begins with."""
    with _FILE.open(encoding="ascii") as file:
        names = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return (
        [name for name in names if not name.startswith("^")],
        [name[1:] for name in names if name.startswith("^")],
    )


def _name_rule(before: str, names: list[str]) -> str:
    return rf"(?i){before}(?:{'|'.join(map(re.escape, names))})(?:[^a-z]|$)"


_NAMES, _FIRST_NAMES = _read_names()
_ANYWHERE: Final = _compile(
    (*_list_rules(), *_WORDS, *_CONTACTS, *_NOTHING, _name_rule("(?:^|[^a-z])", _NAMES))
)
_ONLY_GREETS: Final = _compile(_GREETING)
_NAMES_A_SYSTEM: Final = _compile(_SYSTEMS)
_WITHOUT_ENGINE: Final = _compile((*_WORDS_OF_TOOLS, *_TOOLS, _name_rule("^", _FIRST_NAMES)))
_ON_PHONES: Final = _compile(_AMONG_THE_MODEL)


def is_declared_bot(user_agent: str) -> bool:
    """Return whether the user agent says that it is a program, or says nothing at all.

    Programs are those of the crawler-user-agents list, those that ua-parser calls a spider, those
    of a list of our own, and those that call themselves one in common words. Browsers inside of
    apps are none, nor is one that only pretends: a program may send what a browser sends, and then
    declares nothing.
    """
    return _is_declared_bot(user_agent[:MAX_USER_AGENT])


# Keyed by the cut text, so that the cache cannot grow beyond 10,000 times its length.
@lru_cache(maxsize=10_000)
def _is_declared_bot(user_agent: str) -> bool:
    text = clean_text(user_agent)
    model, said = _split_model(text)
    if _matches(_ANYWHERE, said) or _matches(_ON_PHONES, model):
        return True
    if any(engine in said for engine in _ENGINES):
        return False
    # ua-parser looks for parts of words, and would find the bot in "Bottega": not in a browser.
    return _matches(_WITHOUT_ENGINE, said) or _only_greets(said) or is_spider(user_agent)


def _only_greets(text: str) -> bool:
    return _matches(_ONLY_GREETS, text) and not _matches(_NAMES_A_SYSTEM, text)


def _matches(rules: Resolver, text: str) -> bool:
    return rules(text, Domain.USER_AGENT).user_agent is not None


def _split_model(text: str) -> tuple[str, str]:
    """Return a phone's system and model, empty for others, and what else is said."""
    head, closed, rest = text.partition(") AppleWebKit")
    name, opened, system = head.partition("(")
    if closed and "Android" in system:
        return opened + system, name + "AppleWebKit" + rest
    return "", text
