"""`UserError`: the exception for mistakes that users can correct."""


class UserError(Exception):
    """A mistake in input, configuration or set-up; its message says what, where and how to correct it.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """


class MissingPackage(UserError):
    """A package that is not installed here, or cannot be imported."""
