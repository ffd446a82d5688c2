"""The database at the start of the server: reached, writable, and at this version's tables."""

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from trackingsite.exceptions import StartError

CURES = {
    "sqlite": "Name a file that is an SQLite database, and that this user may write in a folder "
    "that this user may write: DATABASE_URL=sqlite:////path/to/db.sqlite3",
    "postgresql": "Check that PostgreSQL runs there and lets this user in, "
    "or name another: DATABASE_URL=postgres://user:password@host:5432/name",
}


def prepare_database() -> int:
    """Bring the tables up to date and return how many migrations ran, 0 when none was due.

    Raises StartError when the database cannot be reached, is none, or may not be written.
    """
    try:
        migrations = migrate()
        prove_writable()
    except DatabaseError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        place = describe_place(connection)
        cure = CURES[connection.vendor]
        raise StartError(f"The database {place} cannot be used: {reason}. {cure}") from error
    return migrations


def migrate() -> int:
    """Run the migrations that are due; return how many that were."""
    executor = MigrationExecutor(connection)
    due = executor.migration_plan(executor.loader.graph.leaf_nodes())
    # Also when none is due: what follows a migration, permissions among it, may have been cut off.
    call_command("migrate", interactive=False, verbosity=0)
    return len(due)


def prove_writable() -> None:
    """Update no row, which a read-only file refuses as it would refuse a hit."""
    MigrationRecorder.Migration.objects.filter(app="").update(name="")


def describe_place(database: BaseDatabaseWrapper) -> str:
    """Return where the database is, fit for a screen: a file, or a name on a server."""
    settings = database.settings_dict
    if database.vendor == "sqlite":
        return str(settings["NAME"])
    server = ":".join(str(settings[key]) for key in ("HOST", "PORT") if settings[key])
    return f"{settings['NAME']} on {server or 'this machine'}"
