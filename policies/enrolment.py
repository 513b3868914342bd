"""A new passkey as lines for ``people.yaml``: whoever reviews that file enrols it, and nobody else."""

import json
from itertools import takewhile
from typing import Final

from contracts.errors import Malformed
from contracts.passkey import Passkey

_PERSON: Final = "  {}:"
_KEY: Final = "    passkeys:"


def lines(principal: str, passkey: Passkey) -> str:
    """As they stand in the file, from its top."""
    return "\n".join(("people:", _PERSON.format(principal), *_entry(passkey)))


def enrolled(text: str, principal: str, passkey: Passkey) -> str:
    """The people file with this passkey of somebody who has none yet; every other line of it stays.

    Raises:
        Malformed: nobody of that name has a line of their own in it, or has passkeys already.
    """
    found = text.split("\n")
    heads = [place for place, line in enumerate(found) if line.rstrip() == _PERSON.format(principal)]
    if len(heads) != 1:
        raise Malformed(f"{principal} has no line of their own in it: put the lines there by hand")
    place = heads[0] + 1
    theirs = takewhile(lambda line: not line.strip() or line.startswith("   "), found[place:])
    if any(line.startswith(_KEY) for line in theirs):
        raise Malformed(f"{principal} has passkeys in it: put the lines beside them by hand")
    return "\n".join([*found[:place], *_entry(passkey), *found[place:]])


def _entry(passkey: Passkey) -> tuple[str, ...]:
    """A name in quotation marks is YAML as it is JSON."""
    return (
        _KEY,
        f"      - id: {json.dumps(passkey.credential_id)}",
        f"        public_key: {json.dumps(passkey.public_key)}",
        f"        name: {json.dumps(passkey.name, ensure_ascii=False)}",
    )
