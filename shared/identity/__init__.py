"""Authorities (councils) and the API keys that act for them.

The tables lie in the schema ``identity``.  Every service may read them; only the
operator's program writes them.
"""
