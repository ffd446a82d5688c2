"""Errors of the program's start.

Exception
└── StartError    told in one sentence with its cure, without a traceback
"""


class StartError(Exception):
    """Something outside the program keeps it from serving; the message names it and the cure."""
