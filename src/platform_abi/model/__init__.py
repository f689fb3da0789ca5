"""The values that everything else is written in: frozen, slotted, keyword-only attrs classes.

Nothing here reads a file, asks a host or knows where a value came from.
"""
