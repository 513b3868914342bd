"""What others import of Interlock: questions to a policy directory, and the pytest plugin that asks them."""
