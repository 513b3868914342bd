"""A Slack workspace on loopback: the Web API with its limits, the channel as a page, signed interactions."""
