"""Three lines that test a purchase is tracked."""

from shop import app


def test_a_purchase_is_tracked(assert_tracked):
    app.test_client().get("/buy/")
    assert_tracked("purchase", props={"item": "lamp"}, url="/buy/", count=1)


def test_pages_have_the_tag_and_send_nothing(tracking_outbox):
    assert b'data-domain="shop.example.com"' in app.test_client().get("/").data
    assert tracking_outbox == []
