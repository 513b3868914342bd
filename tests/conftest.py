"""Hypothesis profiles: one for every day, ``fuzz`` for `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine's load than of any law.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("everyday", _UNTIMED)
settings.register_profile("fuzz", _UNTIMED, max_examples=500 * int(os.environ.get("ROUNDS", "1")))
settings.load_profile("everyday")
