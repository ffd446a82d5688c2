"""Networks by name. Origin: Cloudflare's list of its addresses, 2026-10-05; RFCs, as noted.

Lists of other networks that change often, such as Fastly's and CloudFront's, are left to operators.
"""

from __future__ import annotations

from typing import Final

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")

#: RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.5.6.
PRIVATE: Final = (
    *LOOPBACK,
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)

#: RFC 6598: between a provider and its customers, and inside some clouds and overlay networks.
CARRIER: Final = ("100.64.0.0/10",)

CLOUDFLARE: Final = (
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)

#: What TRUSTED_PROXIES takes by name.
PROXIES: Final = {"cloudflare": CLOUDFLARE, "loopback": LOOPBACK, "private": PRIVATE}
