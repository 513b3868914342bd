"""How these pages are told from the gateway's."""

import re
from pathlib import Path
from typing import Final

from gateway.pages.look import SHARED, Look

BREAK_GLASS: Final = Look(
    name="Interlock break-glass",
    home="/sessions",
    home_link="The sessions of your tenants",
    links=(("/sessions", "Sessions"), ("/passkeys", "Passkeys")),
    sign_in="interlock break-glass login YOUR-NAME --open",
    wanted=re.compile(r"/sessions/bg_[0-9a-f]{16}"),
    cookie="interlock-break-glass",
    templates=(Path(__file__).parent / "templates", SHARED),
)
