"""The pages on which people ask for a session, consent to it, act in it and read what came of it."""
