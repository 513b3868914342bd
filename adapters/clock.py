"""The machine's clock."""

import time


class SystemClock:
    """Implements ``contracts.ports.Clock``."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
