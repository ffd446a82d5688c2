"""Pages, and what an audit says of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tracking_client.audit import OK, Page, audit, look_at, main, read_sitemap

from trackingsite.tests.browser import serve_pages

URL = "https://shop.example/prices/"
TAG = '<script defer data-domain="shop.example" src="https://stats.example/js/script.js"></script>'
OWN = '<script defer data-domain="shop.example" src="/t/js/script.js" data-api="/t/api/event">'


def page(text: str, policy: str = "", status: int = 200) -> Page:
    headers = {"content-type": "text/html", "content-security-policy": policy}
    return Page(URL, status, headers, f"<!doctype html><head>{text}</head>")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (page(TAG), OK),
        (page(TAG.replace("shop.example", "a.example, shop.example", 1)), OK),
        (page(""), "has no tag"),
        (page(f"<!-- {TAG} -->"), "has no tag"),
        (page(TAG + TAG), "has 2 tags"),
        (page(TAG.replace("shop", "other")), "is counted for other.example, not for shop.example"),
        (page(TAG, status=500), "answers 500"),
        (page(OWN, "default-src 'self'"), OK),
        (page(TAG, "script-src https://stats.example; connect-src stats.example"), OK),
        (page(TAG, "default-src *.example"), OK),
        (page(TAG, "default-src https:"), OK),
        (page(TAG, "img-src 'none'"), OK),
        (page(TAG.replace("defer", "nonce=abc"), "script-src 'nonce-abc'"), OK),
    ],
)
def test_what_is_said_of_a_page(found: Page, says: str) -> None:
    assert look_at(found, "shop.example").says == says


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        ("default-src 'self'", "script"),
        ("script-src 'none'", "script"),
        ("script-src 'nonce-other' 'strict-dynamic'", "script"),
        ("script-src http://stats.example:8000", "script"),
        ("script-src https://stats.example/other/", "script"),
        ("script-src *; connect-src 'self'", "hits"),
        ("script-src-elem https://stats.example; default-src 'none'", "hits"),
    ],
)
def test_a_policy_that_forbids(policy: str, what: str) -> None:
    in_header = look_at(page(TAG, policy), "shop.example").says
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    in_head = look_at(page(meta + TAG), "shop.example").says

    assert in_header == in_head
    assert in_header.startswith(f"forbids the {what}: its policy has no https://stats.example in")


def test_what_is_no_page_is_left_out_and_what_is_away_is_told() -> None:
    def get(url: str) -> Page:
        if url == "/away":
            raise OSError("no route")
        return Page(url, 200, {"content-type": "text/css"}, "")

    findings = list(audit(["/style.css", "/away"], "shop.example", get))

    assert [(one.url, one.says) for one in findings] == [("/away", "cannot be read: no route")]


def test_a_page_is_told_once_and_what_is_refused_not_where_addresses_are_guessed() -> None:
    def get(url: str) -> Page:
        return page(TAG) if url != "/form" else replace(page("", status=405), url="/form")

    urls = ["/a", "/leads-to-a", "/form"]
    guessed = audit(urls, "shop.example", get, skips_refused=True)

    assert [one.says for one in guessed] == [OK]
    assert [one.says for one in audit(urls, "shop.example", get)] == [OK, "answers 405"]


def test_a_sitemap_names_pages() -> None:
    text = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        "<url><loc> https://shop.example/ </loc><priority>1</priority></url></urlset>"
    )
    assert list(read_sitemap(text)) == ["https://shop.example/"]
    for wrong in ("", "<a>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"):
        with pytest.raises(ValueError, match="sitemap"):
            list(read_sitemap(wrong))


def test_the_command_tells_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_pages({"/": TAG, "/bare": "<p>"}) as origin:
        here = origin.replace("shop.example.com", "127.0.0.1")
        listed = tmp_path / "pages"
        listed.write_text(f"{here}/\n{here}/bare\n{here}/missing\n")

        assert main(["--domain", "shop.example", f"{here}/"]) == 0
        assert "1 pages, 0 wrong." in capsys.readouterr().out
        assert main(["--domain", "shop.example", "--list", str(listed)]) == 1
    told = capsys.readouterr().out
    assert f"! {here}/bare  has no tag" in told
    assert f"! {here}/missing  answers 404" in told
    assert "3 pages, 2 wrong." in told
