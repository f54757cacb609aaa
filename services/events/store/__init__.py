"""Every SQL statement on the log, given to asyncpg itself.

On this path each round trip and each tenth of a millisecond counts: handling by
SQLAlchemy takes longer than the statements.
"""
