"""`manage.py serve`, which `make run` calls: prepare what is missing, then serve."""

import sys

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections
from django.urls import reverse

from trackingsite.administrator import create_first_administrator
from trackingsite.database import prepare_database
from trackingsite.exceptions import StartError
from trackingsite.metrics import share_figures
from trackingsite.server import allow_connections, become, build_command, claim_address, make_url
from trackingsite.staticfiles import collect_static_files


class Command(BaseCommand):
    """Serves until Ctrl-C; may be run any number of times and keeps everything."""

    help = "Migrate, create the first administrator, collect static files, and serve."

    def handle(self, *args: object, **options: object) -> None:
        """Prepare this machine, say where to go next, and become the server."""
        try:
            address = claim_address(settings.HOST, settings.PORT)
            self.prepare()
        except StartError as error:
            sys.exit(str(error))
        self.show_the_way(make_url(settings.HOST, settings.PORT))
        share_figures(settings.DATA_DIR, port=settings.PORT, workers=settings.WEB_WORKERS)
        become(
            build_command(
                address,
                settings.PORT,
                workers=settings.WEB_WORKERS,
                connections=allow_connections(),
            )
        )

    def prepare(self) -> None:
        """Do what the database and the data folder still lack, and say what was done."""
        migrations = prepare_database()
        self.say(f"Database: {migrations} migrations ran." if migrations else "Database: ready.")
        administrator = create_first_administrator(settings.ADMIN_PASSWORD)
        if administrator is not None:
            password = "as in ADMIN_PASSWORD" if settings.ADMIN_PASSWORD else administrator.password
            self.say(f"Administrator: {administrator.name}, password: {password}")
            self.say("               Shown this once; change it at /admin/password_change/")
        if collect_static_files():
            self.say("Static files: collected.")
        connections.close_all()

    def show_the_way(self, url: str) -> None:
        """Say where the server is and what to do there."""
        self.say(f"Serving {url} until Ctrl-C.")
        self.say(f"  Add a site:  {url}/admin/sites/site/add/")
        self.say(f"  See reports: {url}{reverse('reports:sites')}")

    def say(self, line: str) -> None:
        """Write the line at once, also into a pipe."""
        self.stdout.write(line)
        self.stdout.flush()
