"""A site's goals: how often each was reached, and, for editors, what they are."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.access import Need
from reports.dimensions import property_dimension
from reports.exceptions import EventsDroppedError
from reports.filters import Filter
from reports.forms import without_nul
from reports.goals import METRICS, MOST_GOALS, ReachedGoal, make_condition, tell_reached
from reports.metrics import CONVERSION_RATE, EVENTS, TOTAL_REVENUE, VISITORS, VISITS
from reports.models import Goal, ShownProperty
from reports.page_filters import RELATIONS, write_filters
from reports.queries import Figures, summarise
from reports.reading.conditions import OPERATORS
from reports.tables import Table
from reports.views.base import ReportView
from reports.views.properties import MOST_PROPERTIES, PropertyForm
from reports.views.removal import RemoveFromSite
from sites.models import Site
from sites.trail import note_added

#: Of a goal's condition on a property.
_RELATIONS: Final = [(word, _(says)) for word, says in RELATIONS.items()]


class GoalForm(forms.ModelForm[Goal]):
    """A new goal; of an event it may have one condition on a property."""

    property_name = forms.CharField(label=_("Property"), required=False, max_length=300)
    relation = forms.ChoiceField(label=_("Comparison"), choices=_RELATIONS, required=False)
    property_value = forms.CharField(label=_("Value of the property"), required=False)

    class Meta:
        """In the order in which people fill it in."""

        model = Goal
        fields = (
            "name",
            "kind",
            "page",
            "scroll_depth",
            "event",
            "property_name",
            "relation",
            "property_value",
            "value_amount",
            "value_currency",
        )

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.site = site
        self.initial.setdefault("value_currency", site.currency)

    def clean(self) -> dict[str, Any]:
        """Write the condition as goals keep it; refuse a name that is taken, or one too many."""
        fields = super().clean() or {}
        if name := fields.get("property_name"):
            operator, negated = OPERATORS[fields.get("relation") or "is"]
            value = fields.get("property_value") or ""
            condition = Filter(property_dimension(name), (value,), negated, operator)
            self.instance.conditions = write_filters([condition])
        goals = Goal.objects.filter(site=self.instance.site)
        if goals.filter(name=fields.get("name")).exists():
            self.add_error("name", gettext("The site has a goal of this name."))
        if goals.count() >= MOST_GOALS:
            sentence = gettext("A site has at most {most} goals.")
            raise ValidationError(sentence.format(most=MOST_GOALS))
        return fields

    def _update_errors(self, errors: ValidationError) -> None:
        """Tell what is wrong with a condition by the field in which it was written."""
        if hasattr(errors, "error_dict") and "conditions" in errors.error_dict:
            errors.error_dict["property_value"] = errors.error_dict.pop("conditions")
        super()._update_errors(errors)  # type: ignore[misc]


class GoalsView(ReportView):
    """Each goal with its visitors, conversions, rate and revenue on the page's days."""

    template_name = "reports/goals.html"
    page_name = "goals"
    compares = False
    form: GoalForm | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Make a goal; the page again, with what is wrong, where something is."""
        form = GoalForm(self.site, without_nul(request.POST))
        if form.is_valid():
            form.instance.created_by_id = request.user.pk
            note_added(request.user, form.save(), f"On {self.site.domain}.")
            return HttpResponseRedirect(request.get_full_path())
        self.form = form
        response = self.get(request, *args, **kwargs)
        if response.status_code == 200:
            response.status_code = 400
        return response

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let those who may change goals send the form."""
        if request.method == "POST":
            self.needs = Need.CHANGE_GOALS
        return super().dispatch(request, *args, **kwargs)

    def answers(self) -> dict[str, Any]:
        """Return the goals in order of their names, those of the most visitors first."""
        reached = [self._reach(goal) for goal in self._goals]
        reached.sort(key=lambda one: -(one.visitors or 0))
        return {
            "goals": reached,
            "metrics": {
                "visitors": VISITORS,
                "conversions": VISITS,
                "rate": CONVERSION_RATE,
                "revenue": TOTAL_REVENUE,
            },
            "has_revenue": any(one.revenue for one in reached),
            "properties": self._properties(),
            "property_form": PropertyForm(self.site) if self.access.may_change_goals else None,
            "goal_form": (self.form or GoalForm(self.site))
            if self.access.may_change_goals
            else None,
        }

    def _properties(self) -> list[tuple[ShownProperty, Table]]:
        """The properties that the site shows, each with its values, the most visitors first."""
        found = []
        for shown in ShownProperty.objects.filter(site=self.site)[:MOST_PROPERTIES]:
            values = property_dimension(shown.name)
            is_there = Filter(values, ("",), negated=True)
            whole = self.total(VISITORS)
            table = self.table(values, VISITORS, EVENTS, whole=whole, filters=(is_there,))
            found.append((shown, table))
        return found

    @property
    def _goals(self) -> list[Goal]:
        return list(Goal.objects.filter(site=self.site)[:MOST_GOALS])

    def _reach(self, goal: Goal) -> ReachedGoal:
        question = self.question(*METRICS)
        asked = (*question.filters, make_condition(goal))
        figures: Figures | None = None
        with suppress(EventsDroppedError):  # daily figures know nothing of goals
            figures = summarise(self.warehouse, replace(question, filters=asked))
        return tell_reached(goal, figures, self.filters, self.links.parameters)


class RemoveGoal(RemoveFromSite):
    """Removes a goal; what visitors did stays."""

    needs = Need.CHANGE_GOALS
    model = Goal
