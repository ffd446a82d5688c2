"""Segments and annotations: kept and removed by whoever reads a site's reports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.access import Need
from reports.dates import DAY, EARLIEST_DAY, LATEST_DAY
from reports.forms import FiltersField, without_nul
from reports.models import Annotation, Kept, Segment
from reports.page_filters import write_filters
from reports.views.base import SiteView
from reports.views.theme import page_left_by
from sites.models import Site


class SegmentForm(forms.ModelForm[Segment]):
    """A name for the page's filters; under the name of one's own, its filters are replaced."""

    f = FiltersField(error_messages={"required": _("Filter the page first; that is what is kept.")})

    class Meta:
        """The filters come as an address has them."""

        model = Segment
        fields = ("name", "is_shared")

    def keep(self, site: Site, reader: Any) -> None:
        """Save it as the reader's."""
        fields = self.cleaned_data
        Segment.objects.update_or_create(
            site=site,
            created_by=reader,
            name=fields["name"],
            is_shared=fields["is_shared"],
            defaults={"filters": write_filters(fields["f"])},
        )


class AnnotationForm(forms.ModelForm[Annotation]):
    """A day, and what happened on it."""

    class Meta:
        """What people write."""

        model = Annotation
        fields = ("happened_on", "text", "is_shared")

    def clean_happened_on(self) -> Any:
        """Return the day, one that reports reach."""
        day = self.cleaned_data["happened_on"]
        if not EARLIEST_DAY <= day < LATEST_DAY:
            sentence = gettext("Reports reach from {first} to {last}.")
            raise forms.ValidationError(sentence.format(first=EARLIEST_DAY, last=LATEST_DAY - DAY))
        return day

    def keep(self, site: Site, reader: Any) -> None:
        """Save it as the reader's."""
        self.instance.site, self.instance.created_by = site, reader
        self.instance.save()


class KeepView(SiteView):
    """Keeps something with the site, and leads back to the page where that was asked for."""

    http_method_names = ["post", "options"]
    needs = Need.KEEP
    form_class: type[SegmentForm | AnnotationForm]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Keep what the form says; 400 and what is wrong with it."""
        sent = without_nul(request.POST)
        if not self.access.may_keep_for_everybody:
            sent.pop("is_shared", None)
        form = self.form_class(sent)
        if not form.is_valid():
            return self.refuse_to_keep(form, page_left_by(request))
        form.keep(self.site, request.user)
        return HttpResponseRedirect(page_left_by(request))


class KeepSegment(KeepView):
    """Keeps the page's filters."""

    form_class = SegmentForm


class KeepAnnotation(KeepView):
    """Keeps what happened on a day."""

    form_class = AnnotationForm


class RemoveView(SiteView):
    """Removes what was kept, and leads back."""

    http_method_names = ["post", "options"]
    needs = Need.KEEP
    model: type[Kept]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Remove it; 404 for what is not the reader's to remove."""
        visible = self.model.objects.visible_to(request.user, self.site)
        kept = get_object_or_404(visible, pk=self.kwargs["pk"])
        if not self.access.may_remove(kept):
            raise Http404("It is somebody else's.")
        kept.delete()
        return HttpResponseRedirect(page_left_by(request))


class RemoveSegment(RemoveView):
    """Removes a segment."""

    model = Segment


class RemoveAnnotation(RemoveView):
    """Removes an annotation."""

    model = Annotation
