"""What forms about a site as a whole have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from sites.models import Site


class TypedForm(forms.Form):
    """Asks for the site's domain, typed: nobody does by accident what comes of this."""

    typed = forms.CharField(label=_("The site's domain, typed"), max_length=300)

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.site = site

    def clean_typed(self) -> str:
        """Refuse what is not the domain."""
        typed: str = self.cleaned_data["typed"]
        if not self.site.is_named(typed):
            sentence = gettext("Type {domain} to be sure.")
            raise forms.ValidationError(sentence.format(domain=self.site.shown_domain))
        return typed
