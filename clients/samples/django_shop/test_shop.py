"""Three lines that test a purchase is tracked; and the same by Django's own test runner."""

import pytest
from django.core.management import call_command
from django.test import Client, TestCase
from django_tracking.testing import TrackingTestMixin


@pytest.mark.django_db
def test_a_purchase_is_tracked(client, assert_tracked):
    client.get("/buy/")
    assert_tracked("purchase", props={"item": "lamp"}, url="/buy/", count=1)


def test_pages_have_the_tag_and_send_nothing(client, tracking_outbox):
    assert b'data-domain="shop.example.com"' in client.get("/").content
    assert tracking_outbox == []


class ShopTests(TrackingTestMixin, TestCase):
    def test_a_purchase_is_tracked(self):
        Client().get("/buy/")
        self.assertTracked("purchase", count=1)
        self.assertNotTracked("signup")


@pytest.mark.django_db
def test_every_page_has_the_tag(capsys):
    call_command("tracking_audit")
    assert "0 wrong" in capsys.readouterr().out
