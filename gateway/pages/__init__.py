"""The pages on which people read an action whole and decide on it."""
