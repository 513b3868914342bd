"""The helpdesk: the world that the shipped tools act on.

A service of its own over SQLite. It knows its callers' keys as hashes only, keeps each tenant to itself,
versions its tickets, deduplicates writes by key, keeps its own log of what was executed, and can be told to
misbehave.
"""
