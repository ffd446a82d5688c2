"""The imports app: files of past hits become archived visits."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Owns what is remembered of imports, so that none is done twice."""

    name = "imports"

    def ready(self) -> None:
        """Let the upkeep give up imports that nobody goes on with, and emptied sites be filled."""
        from archive.emptying import site_emptied  # these need the models, ready only now
        from archive.upkeep import add_further_cleaning
        from imports.giving_up import forget_site, give_up_old

        add_further_cleaning(give_up_old)
        site_emptied.connect(forget_site, dispatch_uid="forget_imports_of_site")
