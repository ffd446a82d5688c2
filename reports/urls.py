"""Addresses of the report pages."""

from django.urls import path

from reports.views.explanation import ExplanationView
from reports.views.exports import CsvEventsExport, ListExport, PageExport, ParquetEventsExport
from reports.views.four import BreakdownPage, FourReportPage
from reports.views.goals import GoalsView, RemoveGoal
from reports.views.kept import KeepAnnotation, KeepSegment, RemoveAnnotation, RemoveSegment
from reports.views.overview import OverviewView
from reports.views.people import ChangeMember, HandOver, PeopleView, RemoveInvitation
from reports.views.properties import HideProperty, ShowProperty
from reports.views.realtime import RealtimeView
from reports.views.sharing import RevokeLink, SharingView
from reports.views.sites import SiteListView
from reports.views.visits import VisitListView, VisitView

app_name = "reports"

urlpatterns = [
    path("", SiteListView.as_view(), name="sites"),
    path("<str:domain>/", OverviewView.as_view(), name="overview"),
    path("<str:domain>/visits/", VisitListView.as_view(), name="visits"),
    path("<str:domain>/visits/<int:pk>/", VisitView.as_view(), name="visit"),
    path("<str:domain>/segments/", KeepSegment.as_view(), name="keep_segment"),
    path(
        "<str:domain>/segments/<int:pk>/remove/",
        RemoveSegment.as_view(),
        name="remove_segment",
    ),
    path("<str:domain>/annotations/", KeepAnnotation.as_view(), name="annotate"),
    path(
        "<str:domain>/annotations/<int:pk>/remove/",
        RemoveAnnotation.as_view(),
        name="remove_annotation",
    ),
    path("<str:domain>/goals/", GoalsView.as_view(), name="goals"),
    path("<str:domain>/goals/<int:pk>/remove/", RemoveGoal.as_view(), name="remove_goal"),
    path("<str:domain>/properties/", ShowProperty.as_view(), name="show_property"),
    path(
        "<str:domain>/properties/<int:pk>/remove/",
        HideProperty.as_view(),
        name="hide_property",
    ),
    path("<str:domain>/people/", PeopleView.as_view(), name="people"),
    path("<str:domain>/people/<int:pk>/change/", ChangeMember.as_view(), name="change_member"),
    path("<str:domain>/people/hand-over/", HandOver.as_view(), name="hand_over"),
    path(
        "<str:domain>/people/invitations/<int:pk>/remove/",
        RemoveInvitation.as_view(),
        name="remove_invitation",
    ),
    path("<str:domain>/sharing/", SharingView.as_view(), name="sharing"),
    path("<str:domain>/sharing/<int:pk>/revoke/", RevokeLink.as_view(), name="revoke_link"),
    path("<str:domain>/realtime/", RealtimeView.as_view(), name="realtime"),
    path("<str:domain>/events.csv", CsvEventsExport.as_view(), name="events_csv"),
    path("<str:domain>/events.parquet", ParquetEventsExport.as_view(), name="events_parquet"),
    path("<str:domain>/<str:report>.zip", PageExport.as_view(), name="page_zip"),
    path("<str:domain>/<str:report>/<str:dimension>.csv", ListExport.as_view(), name="list_csv"),
    path("<str:domain>/explain/<str:metric>/", ExplanationView.as_view(), name="explanation"),
    path("<str:domain>/<str:report>/", FourReportPage.as_view(), name="report"),
    path("<str:domain>/<str:report>/<str:dimension>/", BreakdownPage.as_view(), name="breakdown"),
]
