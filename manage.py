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
    except ModuleNotFoundError as error:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        sys.exit(
            f"Configuration: DJANGO_SETTINGS_MODULE={module} cannot be used. "
            "There is no such module. "
            "Set it to trackingsite.settings.default, .development or .production."
        )
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
