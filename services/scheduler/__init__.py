"""The scheduler: what is due, and telling people about it.

It follows the log, keeps a copy of what it read, and projects every review owed to every
child; as the days pass it writes notices, and delivers them to webhook endpoints.

It owns the schema ``scheduler`` and reads ``identity``.  It reads the log from the events
service over HTTP; no other service calls it.
"""
