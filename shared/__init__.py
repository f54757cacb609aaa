"""What the services have in common.

Exactly six packages, inner to outer: ``domain`` (pure), ``policies`` (timetable
packs as data), ``wire`` (what crosses HTTP), ``identity`` (authorities and API
keys), ``client`` (reading the log over HTTP), ``runtime`` (infrastructure).  The
import contracts in ``pyproject.toml`` refuse a seventh.
"""
