"""A shop in one file: how a Flask site is tracked."""

import os

from flask import Flask, redirect, render_template_string
from flask_tracking import Tracking

PAGE = """<!doctype html>
<html lang="en">
<head><title>Shop</title>{{ tracking_code() }}</head>
<body><a id="buy" href="/buy/">Buy</a> <a id="file" href="/prices.pdf">Prices</a></body>
</html>
"""

app = Flask(__name__)
app.config.update(
    TRACKING_BACKEND_URL=os.environ.get("TRACKING_BACKEND_URL", "https://stats.example.org"),
    TRACKING_DOMAIN="shop.example.com",
    TRACKING_KEY=os.environ.get("TRACKING_KEY", "the-key-of-the-shop"),
    TRACKING_SERVER_SIDE=os.environ.get("TRACKING_SERVER_SIDE") == "on",
    TRACKING_OWN_PATH="/t",
)
tracking = Tracking(app)


@app.get("/")
def home():
    """Show the shop."""
    return render_template_string(PAGE)


@app.get("/buy/")
def buy():
    """Sell something, and tell trackingsite."""
    tracking.track("purchase", revenue=("12.30", "EUR"), props={"item": "lamp"})
    return redirect("/")
