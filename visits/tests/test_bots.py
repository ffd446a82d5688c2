"""Programs say what they are; people's browsers, and apps that show pages, are no programs."""

from __future__ import annotations

import pytest

from visits.ingestion.bots import _FILE, _FIRST_NAMES, _NAMES, is_declared_bot
from visits.ingestion.devices import MAX_USER_AGENT
from visits.tests.hits import CHROME

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {APPLE}"
ANDROID = f"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) {WEBKIT} Version/4.0"
IN_APP = f"{ANDROID} Chrome/131.0.0.0 Mobile Safari/537.36"


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "   ",
        "-",
        "123",
        "Mozilla/5.0 (compatible)",
        # A greeting and at most one word; a placeholder; what is no user agent.
        "Mozilla/5.0",
        "Mozilla/5.0 Jorgee",
        "Mozilla/4.0 (Hydra)",
        "Mozilla/5.0 (Morningscore/1.0)",
        "Mozilla/5.0 (compatible; Trance/1.0)",
        "Chrome",
        "default_user_agent",
        "U2FsdGVkX1" * 10,
        f"iphone|{CHROME}",
        # Names that are on no list.
        "Hexometer",
        "nibbler",
        "webcollage/1.182",
        "Reeder/3.2 CFNetwork/672.1.12 Darwin/14.0.0",
        "Sectigo DCV",
        "Spotify/1.0",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Cypress/3.3.2 Chrome/61.0 Safari/537.36",
        CHROME + " CloudflareObservatory/1.0",
        f"Mozilla/5.0 (en-US) {WEBKIT[:-1]}; Google-Assess) Chrome/34.0.1847.116 Safari/537.36",
        "Rainmeter WebParser plugin",
        "Zendesk Webhook",
        # Search engines and their testers.
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        CHROME + " (compatible; Googlebot/2.1)",
        "Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3.170816.012; Storebot-Google/1.0) "
        f"{WEBKIT} Chrome/81.0.4044.138 Mobile Safari/537.36",
        # Those that read for language models.
        f"Mozilla/5.0 {WEBKIT[:-1]}; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        f"Mozilla/5.0 {WEBKIT[:-1]}; compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
        "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "Mozilla/5.0 (compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
        "Mozilla/5.0 (compatible; Google-Extended)",
        f"Mozilla/5.0 (Linux; Android 5.0) {WEBKIT} Mobile Safari/537.36 "
        "(compatible; Bytespider; spider-feedback@bytedance.com)",
        "CCBot/2.0 (https://commoncrawl.org/faq/)",
        "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
        # Previews of links.
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Twitterbot/1.0",
        "WhatsApp/2.23.20.0",
        "TelegramBot (like TwitterBot)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Bitrix link preview",
        # Monitors, testers, browsers without a screen.
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        f"Mozilla/5.0 (Windows NT 6.2; WOW64) {WEBKIT} Chrome/98 Safari/537.4 (StatusCake)",
        f"Mozilla/5.0 (Linux; Android 7.0; Moto G (4)) {WEBKIT} Chrome/98.0.4695.0 Mobile "
        "Safari/537.36 Chrome-Lighthouse",
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/131.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (Linux; U; Android 4.0.2; en-us; Catchpoint) {WEBKIT} Version/4.0 Safari/534",
        "ELB-HealthChecker/2.0",
        "check_http/v2.1.2 (monitoring-plugins 2.1.2)",
        # Feeds.
        "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
        "Tiny Tiny RSS/16.3 (http://tt-rss.org/)",
        "Feedbin feed-id:1033517 - 1000 subscribers",
        # Libraries.
        "curl/8.5.0",
        "Wget/1.21.4",
        "python-requests/2.32.3",
        "python-httpx/0.27.0",
        "Python/3.11 aiohttp/3.9.1",
        "Python-urllib/3.12",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
        "Java/17.0.6",
        "Apache-HttpClient/4.5.14 (Java/17.0.6)",
        "axios/1.7.2",
        "node-fetch",
        "node",
        "undici",
        "GuzzleHttp/7",
        "Dart/3.3 (dart:io)",
        "PostmanRuntime/7.39.0",
        "Scrapy/2.11 (+https://scrapy.org)",
        "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041",
        "got",
        "got (https://github.com/sindresorhus/got)",
        "libwww-perl/6.67",
        "HTTPie/3.2.2",
        "httpie",
        "insomnia/2023.5.8",
        "bruno-runtime/1.16.0",
        "vscode-restclient",
        "xh/0.22.2",
        "Faraday v2.7.10",
        "Ruby",
        "excon/0.99.0",
        "hackney/1.18.1",
        "Mojolicious (Perl)",
        "Zend_Http_Client",
        "ktor-client",
        "dotnet",
        "Deno/1.40.2",
        "Bun/1.0.25",
        "superagent",
        # Who loads servers.
        "Grafana k6/1.0.0",
        "ApacheJMeter",
        "Mozilla/5.0 (pc-x86_64-linux-gnu) Siege/4.0.7",
        "hey/0.0.1",
        "Gatling/3.9",
        # Monitors and browsers that a program drives.
        "Better Stack Better Uptime Bot Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "Site24x7",
        "Blackbox Exporter/0.25.0",
        "GoogleHC/1.0",
        "Envoy/HC",
        "Azure Traffic Manager Endpoint Monitor",
        f"Mozilla/5.0 (Unknown; Linux x86_64) {WEBKIT} wkhtmltopdf Version/10.0 Safari/602.1",
        f"Mozilla/5.0 (X11; Linux x64) {WEBKIT} HappyDOM/12.0.0",
        f"Mozilla/5.0 (Unknown; Linux x86_64) {WEBKIT} PhantomJS/2.1.1 Safari/538.1",
        CHROME + " GTmetrix",
        CHROME + " DebugBear",
        CHROME + " Agent-NovaAct/0.9",
        "Playwright/1.38.1 (x64; ubuntu 22.04) node/18.17",
        # Assistants, each by its name alone.
        *("GPTBot", "ChatGPT-User", "OAI-SearchBot", "ClaudeBot", "Claude-User", "claude-code/1.0"),
        *("PerplexityBot", "Perplexity-User", "Bytespider", "meta-externalagent", "CCBot/2.0"),
        *("Amazonbot", "Applebot", "Applebot-Extended", "DuckAssistBot", "MistralAI-User/1.0"),
        *("Google-Extended", "GoogleOther", "GoogleAgent-Mariner", "Diffbot", "webzio-extended"),
        # Who fetches a link that somebody posted.
        "kakaotalk-scrap/1.0",
        "facebookexternalhit/1.1;line-poker/1.0",
        "Bluesky Cardyb/1.1",
        "GitHub-Camo (abcdef12)",
        # Of nobody's list, but in plain words.
        "NewThing-Crawler/0.1",
        "some-site-bot",
        "OurIntranet (contact: webmaster@example.org)",
        CHROME + " (NewThing; +https://newthing.example/about)",
    ],
)
def test_recognises_declared_bots(user_agent: str) -> None:
    assert is_declared_bot(user_agent)


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
        f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1",
        IN_APP,
        "Opera/9.80 (Android; Opera Mini/12.0.1987/37.7327; U; pl) Presto/2.12.423 Version/12.16",
        # The browsers inside of apps.
        f"{IPHONE} Mobile/15E148 Instagram 300.0.0.29.110 (iPhone14,5; iOS 17_5; de_DE)",
        f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.31.103;FBBV/584;FBDV/iPhone14,5]",
        f"{IN_APP} [FB_IAB/FB4A;FBAV/460.0.0.46.121;]",
        f"{IN_APP} MetaIAB Facebook",
        f"{IPHONE} Mobile/15E148 WhatsApp/2.24.11.80",
        f"{IN_APP} Viber/22.5.0.0",
        f"{IN_APP} Line/14.8.0/IAB",
        f"{IPHONE} Mobile/15E148 Safari Line/14.8.0",
        f"{IN_APP} GSA/15.1.2.26.arm64",
        f"{IN_APP};KAKAOTALK 2410850",
        f"{IN_APP} MMWEBID/12 MicroMessenger/8.0.49.2600 WeChat/arm64 Weixin NetType/WIFI",
        f"{IPHONE} GSA/318.0.638609132 Mobile/15E148 Safari/604.1",
        f"{IN_APP} SogouMSE,SogouMobileBrowser/5.22.8",
        f"{IN_APP} trill_340603 JsSdk/1.0 NetType/WIFI AppName/musical_ly BytedanceWebview/d8a21c6",
        f"{IPHONE} Mobile/15E148 [LinkedInApp]",
        f"{IPHONE} Version/17.5 Mobile/15E148 Snapchat/12.90.0.46 (like Safari/604.1)",
        f"{IN_APP} NAVER(inapp; search; 1010; 11.11.3)",
        f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.49 NetType/WIFI Language/zh_CN",
        f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1 (Ecosia ios@9.2.3.1367)",
        # The desktop's.
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} WhatsApp/2.2230.15 "
        "Chrome/104.0.5112.102 Electron/20.1.3 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Slack/4.4.2 Chrome/78.0.3904.130 "
        "Electron/7.2.1 Safari/537.36 Sonic Slack_SSB/4.4.2",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} coc_coc_browser/91.0.146 "
        "Chrome/85.0.4183.146 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Code/1.95.3 Chrome/128.0.6613.186 "
        "Electron/32.2.1 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Postman/11.2 Chrome/128.0.6613.186 "
        "Electron/32.2.1 Safari/537.36",
        f"Mozilla/5.0 (Windows NT 10.0; WOW64) {WEBKIT} Chrome/116.0.0.0 Safari/537.36 "
        "NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat XWEB/8555 Flue",
        # Television, consoles, cars.
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) "
        "Version/6.0 TV Safari/538.1",
        f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/79.0.3945.79 Safari/537.36",
        "Mozilla/5.0 (Linux mipsel; U; HbbTV/1.1.1 (; TOSHIBA; DTV_RL938; 7.0.21.6; a5; ) ; "
        "ToshibaTP/1.3.0 (+VIDEO_MP4+HTML5) ; pl) AppleWebKit/534.1 (KHTML, like Gecko)",
        f"Mozilla/5.0 (PlayStation 5 3.11) {APPLE}",
        "Mozilla/5.0 (PlayStation Vita 3.61) AppleWebKit/537.73 (KHTML, like Gecko) Silk/3.2",
        "Mozilla/5.0 (X11; GNU/Linux) AppleWebKit/601.1 (KHTML, like Gecko) Tesla QtCarBrowser",
        # Phones whose names, or whose system's, are a rule of somebody's list.
        f"Mozilla/5.0 (Linux; Android 7.0; CUBOT_NOTE_S) {WEBKIT} Chrome/110.0.0.0 Mobile "
        "Safari/537.36",
        "CUBOT_X18 Linux/3.18 Android/7.0 Release/01.01.2018 Browser/AppleWebKit537.36",
        f"Mozilla/5.0 (Linux; Android 4.2.2; HTC Butterfly s Build/JDQ39) {WEBKIT} "
        "Chrome/29.0.1547.72 Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) {WEBKIT} "
        "Version/4.0 Chrome/142.0.7444.142 Mobile Safari/537.36",
        "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/37.9178; U; en) Presto/2.12.423",
        "Mozilla/5.0 (iPad; U; CPU iPhone OS 7_0 like Mac OS X; de-DE) WIRED/3.2.3.11.87970",
        f"{IN_APP} Instagram 300.0.0.29.110 Android (30/11; 320dpi; reeder; P13_Blue; cypress)",
        "Mozilla/4.0 SonyEricssonK850iv/R1CA",
        # Their apps, which tell little.
        "MyApp/1.0",
        "agent-17",
        "Slack/4.1 (iPhone; iOS 17.5; Scale/3.00)",
        "Spotify/8.9.18 iOS/17.5 (iPhone14,5)",
        "Collector/6212016 CFNetwork/978.0.7 Darwin/18.7.0",
        "MozacFetch/49.0.20200702190156",
        "Mozilla/5.0 QGIS/31100",
        "Viber/12.8.0.1 CFNetwork/1121.2.2 Darwin/19.3.0",
        # Few words, but a system among them.
        "Mozilla/6.0 (compatible; Amiga-AWeb)",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)",
        "Mozilla/5.0 (Nintendo 3DS; U; ; en) Version/1.7412.EU",
        "Mozilla/5.0 (Macintosh)",
        # "Bottega" has a bot in it for ua-parser.
        f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Bottega/4.2",
    ],
)
def test_leaves_people_alone(user_agent: str) -> None:
    assert not is_declared_bot(user_agent)


def test_what_follows_a_long_user_agent_is_not_read() -> None:
    padded = CHROME.ljust(MAX_USER_AGENT)

    assert not is_declared_bot(padded + "Googlebot/2.1")


@pytest.mark.parametrize("text", ["\ud800", "Googlebot\x00/2.1", "机器人", "\u202e" + CHROME])
def test_answers_for_text_that_is_no_user_agent(text: str) -> None:
    assert isinstance(is_declared_bot(text), bool)


def test_the_list_of_names_says_where_it_is_from_and_has_each_once() -> None:
    first, *lines = _FILE.read_text(encoding="ascii").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]

    assert first.startswith("# ")
    assert "Origin:" in first
    assert len(names) == len(set(names)) == len(_NAMES) + len(_FIRST_NAMES)
    assert all(name == name.lower().strip() for name in names)
    assert [name for name in names if not is_declared_bot(name.removeprefix("^") + " 1.0")] == []


@pytest.mark.parametrize(
    "user_agent",
    [
        "Gotham/1.0 (iPhone; iOS 17.5)",
        "MyApp/1.0 hey/2",
        "Mintal/1.0",
        f"{IN_APP} got",
        "Besiege/2",
    ],
)
def test_a_name_stands_for_itself_and_where_it_has_to(user_agent: str) -> None:
    assert not is_declared_bot(user_agent)
