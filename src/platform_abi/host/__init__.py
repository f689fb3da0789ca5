"""The host that this runs on, as a report: every fact is asked for, and says how it was found.

The only room that looks at a host. A report is data from then on: it is written as JSON, carried
elsewhere and judged there (see ``compat``).
"""
