"""The people app: how people sign in, and what belongs to their accounts."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Owns the way in: passwords that nobody guesses, second factors, providers of identities."""

    name = "people"

    def ready(self) -> None:
        """Let attempts to sign in go when they no longer count."""
        # these need the models, ready only now
        from archive.upkeep import add_further_cleaning
        from people.attempts import forget_attempts

        add_further_cleaning(forget_attempts)
