"""The version of the code; the definitions carry their own editions."""

__version__ = "0.1.0"
