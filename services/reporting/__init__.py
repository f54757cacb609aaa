"""Reporting: each child's journey, and measures that count the children who still wait.

Owns the schema ``reporting``: its own copy of the events it has read, the episodes of
care folded from them, and its checkpoint.  Reads the log over HTTP; knows no neighbour.
"""
