"""Hypothesis profiles: the default for every day, ``fuzz`` for `make fuzz`."""

import os

from hypothesis import settings

settings.register_profile("fuzz", max_examples=500 * int(os.environ.get("ROUNDS", "1")), deadline=None)
