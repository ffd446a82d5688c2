"""Sends events to trackingsite from any Python program, without making it wait or fail."""

from tracking_client.client import Client
from tracking_client.events import Event

__all__ = ["Client", "Event"]
