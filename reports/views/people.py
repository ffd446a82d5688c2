"""Who may see a site: its members and their roles, and invitations for others."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render, resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from reports.access import Need
from reports.forms import without_nul
from reports.views.base import SiteView
from reports.views.removal import RemoveFromSite
from sites.forms import TypedForm
from sites.models import Invitation, Membership, Site
from sites.services import INVITATION_LIFE, hand_over, invite
from sites.trail import note_added, note_changed, note_each_changed, note_removed
from trackingsite.mail import sends_mail

logger = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, address: str, *, by: User) -> bool:
    """Send the invitation's address to whom it is for; whether that worked."""
    context = {"invitation": invitation, "address": address, "by": by, "days": INVITATION_LIFE.days}
    subject = render_to_string("people/mail/invitation_subject.txt", context)
    text = render_to_string("people/mail/invitation.txt", context)
    try:
        send_mail(" ".join(subject.split()), text, None, [invitation.email])
    except (OSError, SMTPException) as error:
        logger.warning("An invitation could not be sent: %s", type(error).__name__)
        return False
    return True


class InvitationForm(forms.ModelForm[Invitation]):
    """Whom it is for, and what they may do."""

    class Meta:
        """The rest is drawn."""

        model = Invitation
        fields = ("note", "role", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not sends_mail():
            del self.fields["email"]


class PeopleView(SiteView):
    """The site's members, its open invitations, and the form that makes one."""

    template_name = "reports/people.html"
    page_name = "people"
    needs = Need.CHANGE_PEOPLE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make an invitation, and show its address this once; no cache may store the page."""
        form = InvitationForm(without_nul(request.POST))
        if not form.is_valid():
            context = self.get_context_data(invitation_form=form)
            return render(request, self.template_name, context, status=400)
        user: Any = request.user
        invitation, token = invite(site=self.site, by=user, **form.cleaned_data)
        note_added(user, invitation, f"To {self.site.domain}, as {invitation.role}.")
        address = request.build_absolute_uri(reverse("invitation", args=[token]))
        is_sent = bool(invitation.email) and send_invitation(invitation, address, by=user)
        context = self.get_context_data(invitation=invitation, address=address, is_sent=is_sent)
        response = render(request, self.template_name, context)
        response["Cache-Control"] = "no-store"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add members, invitations and the form."""
        kwargs.setdefault("invitation_form", InvitationForm())
        return super().get_context_data(
            members=Membership.objects.filter(site=self.site).select_related("user"),
            roles=Membership.Role.choices,
            invitations=Invitation.objects.open(self.now).filter(site=self.site),
            days=INVITATION_LIFE.days,
            hand_over_form=HandOverForm(self.site),
            **kwargs,
        )


class ChangeMember(SiteView):
    """Gives a member another role, or takes the membership away."""

    http_method_names = ["post", "options"]
    needs = Need.CHANGE_PEOPLE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Do what the button says, and lead back; 400 for a role that is none."""
        membership = get_object_or_404(Membership, site=self.site, pk=self.kwargs["pk"])
        if "remove" in request.POST:
            note_removed(request.user, membership)
            membership.delete()
        elif (role := request.POST.get("role", "")) in Membership.Role.values:
            membership.role = role
            membership.save(update_fields=["role"])
            note_changed(request.user, membership, f"Is {role} now.")
        else:
            return HttpResponse("There is no such role.\n", status=400, content_type="text/plain")
        is_own = membership.user_id == request.user.pk and not self._is_still_owner(request)
        page = "reports:sites" if is_own else "reports:people"
        return HttpResponseRedirect(resolve_url(page, *([] if is_own else [self.site.domain])))

    def _is_still_owner(self, request: HttpRequest) -> bool:
        owners = Membership.objects.filter(site=self.site, role=Membership.Role.OWNER)
        return request.user.is_staff or owners.filter(user=request.user.pk).exists()


class HandOverForm(TypedForm):
    """To whom."""

    member = forms.ModelChoiceField(
        label=_("To whom"), queryset=Membership.objects.none(), empty_label=None
    )
    field_order = ("member", "typed")

    def __init__(self, site: Site, *args: Any, **kwargs: Any) -> None:
        super().__init__(site, *args, **kwargs)
        member: Any = self.fields["member"]
        member.queryset = Membership.objects.filter(site=site).select_related("user")
        member.label_from_instance = lambda membership: membership.user.get_username()


class HandOver(SiteView):
    """Makes one member the owner, and those who were owners editors."""

    http_method_names = ["post", "options"]
    needs = Need.CHANGE_PEOPLE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Do it and lead to the site; a page that says what is wrong where something is."""
        form = HandOverForm(self.site, without_nul(request.POST))
        if not form.is_valid():
            return self.refuse_to_keep(form, resolve_url("reports:people", self.site.domain))
        membership = form.cleaned_data["member"]
        note_changed(request.user, membership, "Is owner now: the site was handed over.")
        note_each_changed(request.user, hand_over(membership), "Is editor now.")
        return HttpResponseRedirect(resolve_url(self.site))


class RemoveInvitation(RemoveFromSite):
    """Takes an invitation back."""

    needs = Need.CHANGE_PEOPLE
    model = Invitation
