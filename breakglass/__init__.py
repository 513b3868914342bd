"""Break-glass: a process of its own in which people act around the agents."""
