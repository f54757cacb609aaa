"""All of Homeward in one process, with a PostgreSQL server of its own: what ``make run`` starts.

It composes the three services and nothing imports it.  The services still meet over HTTP
only: the readers' client is given an in-process transport instead of a network one.
"""
