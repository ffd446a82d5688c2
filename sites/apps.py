"""The sites app: which web sites are measured, and who may see them."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    """Owns Site, its metadata and its members."""

    name = "sites"
