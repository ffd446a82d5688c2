#!/usr/bin/env python
"""Django's command line for this project, with configuration errors told in a sentence."""

import os
import sys


def main() -> None:
    """Run the command; a wrong setting ends with its variable, value and cure."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackingsite.settings.default")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
