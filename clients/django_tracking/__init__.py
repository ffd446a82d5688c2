"""Counts a Django site with trackingsite: a template tag, a middleware, events from views."""

from django_tracking.events import track

__all__ = ["track"]
