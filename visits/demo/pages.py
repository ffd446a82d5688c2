"""The pages of the demo site, which sells hosting for web pages under the name Larkspur."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class Section(StrEnum):
    """A part of the site, by which visitors find their way."""

    HOME = "home"
    PRODUCT = "product"
    BLOG = "blog"
    DOCS = "docs"
    PRICING = "pricing"
    SIGNUP = "signup"
    DOWNLOAD = "download"
    COMPANY = "company"
    LANDING = "landing"


class Page(NamedTuple):
    """A path, its title, its section, and how long it takes to read, in seconds."""

    path: str
    title: str
    section: Section
    seconds: int


HOME: Final = Page("/", "Larkspur: hosting for pages that stay", Section.HOME, 25)
PRICING: Final = Page("/pricing", "Pricing · Larkspur", Section.PRICING, 40)
SIGNUP: Final = Page("/signup", "Create your account · Larkspur", Section.SIGNUP, 55)
WELCOME: Final = Page("/welcome", "Welcome · Larkspur", Section.SIGNUP, 20)
DOWNLOAD: Final = Page("/download", "Download the command line · Larkspur", Section.DOWNLOAD, 30)
LANDING: Final = Page("/launch", "Larkspur 3 is here: half price for a month", Section.LANDING, 35)
#: The page that Hacker News read on one day.
SPIKE: Final = Page(
    "/blog/one-server-is-enough",
    "One server is enough, and here are our numbers",
    Section.BLOG,
    160,
)

_LONG_PATH: Final = "/docs/reference/" + "/".join(
    f"{part}-of-the-deployment-that-was-configured-before"
    for part in (
        "name",
        "region",
        "storage",
        "certificate",
        "redirect",
        "header",
        "cache",
        "environment",
    )
)

#: Each section's pages, the most read first.
PAGES: Final[dict[Section, tuple[Page, ...]]] = {
    Section.HOME: (HOME,),
    Section.PRODUCT: (
        Page("/features", "Features · Larkspur", Section.PRODUCT, 40),
        Page("/features/previews", "A preview of every change", Section.PRODUCT, 35),
        Page("/features/forms", "Forms without a server", Section.PRODUCT, 35),
        Page("/features/redirects", "Redirects that you can test", Section.PRODUCT, 30),
        Page("/customers", "Who builds on Larkspur", Section.PRODUCT, 30),
        Page("/compare", "Larkspur and the others", Section.PRODUCT, 60),
    ),
    Section.BLOG: (
        Page("/blog", "Blog · Larkspur", Section.BLOG, 20),
        Page(
            "/blog/static-or-dynamic",
            "Static or dynamic? A decision in ten minutes",
            Section.BLOG,
            130,
        ),
        SPIKE,
        Page("/blog/cache-headers", "Cache headers, explained with a fridge", Section.BLOG, 150),
        Page("/blog/image-formats", "Which image format, in one table", Section.BLOG, 100),
        Page("/blog/dns-without-tears", "DNS without tears", Section.BLOG, 140),
        Page(
            "/blog/postmortem-certificates",
            "Post-mortem: forty minutes without certificates",
            Section.BLOG,
            120,
        ),
        Page("/blog/fonts", "Fonts that do not jump", Section.BLOG, 90),
        Page("/blog/accessibility-first-hour", "Accessibility: the first hour", Section.BLOG, 110),
        Page("/blog/larkspur-3", "Larkspur 3", Section.BLOG, 70),
        Page("/blog/hiring", "How we hire", Section.BLOG, 80),
        Page("/blog/größe-zählt", "Größe zählt: Seiten unter 100 kB", Section.BLOG, 95),
    ),
    Section.DOCS: (
        Page("/docs", "Documentation · Larkspur", Section.DOCS, 20),
        Page("/docs/quick-start", "Quick start", Section.DOCS, 120),
        Page("/docs/install", "Install the command line", Section.DOCS, 70),
        Page("/docs/domains", "Your own domain", Section.DOCS, 100),
        Page("/docs/build", "Builds", Section.DOCS, 90),
        Page("/docs/redirects", "Redirects", Section.DOCS, 80),
        Page("/docs/headers", "Headers", Section.DOCS, 75),
        Page("/docs/forms", "Forms", Section.DOCS, 80),
        Page("/docs/api", "API", Section.DOCS, 130),
        Page("/docs/api/errors", "Errors of the API", Section.DOCS, 60),
        Page("/docs/limits", "Limits", Section.DOCS, 40),
        Page("/ar/docs/quick-start", "دليل البدء السريع", Section.DOCS, 120),
        Page(_LONG_PATH, "Reference: what was configured before", Section.DOCS, 45),
    ),
    Section.PRICING: (PRICING,),
    Section.SIGNUP: (SIGNUP, WELCOME),
    Section.DOWNLOAD: (DOWNLOAD,),
    Section.COMPANY: (
        Page("/about", "About us · Larkspur", Section.COMPANY, 40),
        Page("/contact", "Contact · Larkspur", Section.COMPANY, 30),
        Page("/jobs", "Jobs · Larkspur", Section.COMPANY, 50),
        Page("/privacy", "Privacy · Larkspur", Section.COMPANY, 30),
    ),
    Section.LANDING: (LANDING,),
}

#: Where visitors go on from a section: the next section by weight.
PATHS_ON: Final[dict[Section, dict[Section, float]]] = {
    Section.HOME: {
        Section.PRODUCT: 30, Section.PRICING: 24, Section.DOCS: 16, Section.BLOG: 12,
        Section.DOWNLOAD: 6, Section.SIGNUP: 6, Section.COMPANY: 6,
    },
    Section.PRODUCT: {
        Section.PRODUCT: 30, Section.PRICING: 30, Section.DOCS: 12, Section.SIGNUP: 10,
        Section.HOME: 8, Section.DOWNLOAD: 6, Section.COMPANY: 4,
    },
    Section.BLOG: {
        Section.BLOG: 52, Section.HOME: 20, Section.PRODUCT: 12, Section.DOCS: 8,
        Section.PRICING: 5, Section.COMPANY: 3,
    },
    Section.DOCS: {
        Section.DOCS: 74, Section.HOME: 6, Section.DOWNLOAD: 8, Section.PRICING: 7,
        Section.SIGNUP: 3, Section.BLOG: 2,
    },
    Section.PRICING: {
        Section.SIGNUP: 34, Section.PRODUCT: 24, Section.HOME: 14, Section.DOCS: 14,
        Section.COMPANY: 8, Section.BLOG: 6,
    },
    Section.SIGNUP: {Section.DOCS: 50, Section.DOWNLOAD: 25, Section.HOME: 15, Section.PRICING: 10},
    Section.DOWNLOAD: {Section.DOCS: 70, Section.HOME: 15, Section.PRICING: 8, Section.BLOG: 7},
    Section.COMPANY: {Section.COMPANY: 35, Section.HOME: 35, Section.BLOG: 20, Section.PRODUCT: 10},
    Section.LANDING: {
        Section.SIGNUP: 36, Section.PRICING: 30, Section.PRODUCT: 20, Section.HOME: 14,
    },
}  # fmt: skip
