"""A shop in one file of settings, addresses and views: how a Django site is tracked."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop")
    execute_from_command_line(sys.argv)
