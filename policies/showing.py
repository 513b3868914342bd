"""What a model is shown of a transcript: nothing hidden, personal data masked; and its answer resolved."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from contracts.decision import Call
from contracts.digest import Json
from contracts.run import Outcome
from contracts.tool import Catalogue
from contracts.transcript import Message, ModelTurn, Role
from policies.arguments import too_deep
from policies.masking import Masks
from policies.visible import unhidden

WITHHELD: Final = (
    "[withheld: this result holds names that the route masks, and it is cut or no JSON, so nobody can tell"
    " where they stand; ask for less at once]"
)
_SCRIPTED: Final = ("script", "final")
"""Of the scripted model's input: what it says by itself, masks too. It is no text from outside."""
_CUT: Final = re.compile(r"\n\[cut here: the result has \d+ bytes, and \d+ is the most that is shown\]\Z")
_CUT_OFF: Final = 320
"""Characters before a cut that are not shown: an address is no longer, and half of one would not be found."""


def shown(said: Sequence[Message], masks: Masks, catalogue: Catalogue, model: str) -> tuple[Message, ...]:
    """The transcript as the model sees it; ``masks`` knows afterwards what each mask stands for."""
    seen = [replace(message, body=_unhidden(message)) for message in said]
    if not masks.any:
        return tuple(seen)
    for message in seen:
        for name in _names(message, masks, catalogue):
            masks.learn(name)
    return tuple(_shown(message, masks, catalogue, model) for message in seen)


def resolved(answer: ModelTurn, masks: Masks, catalogue: Catalogue) -> ModelTurn:
    """An answer with real values in its calls' arguments, and none in its words."""
    calls = tuple(
        replace(call, arguments=_real(call, masks, catalogue), words=masks.hushed(call.words))
        for call in answer.calls
    )
    return replace(answer, text=masks.hushed(answer.text), calls=calls)


def _real(call: Call, masks: Masks, catalogue: Catalogue) -> Json:
    """A read that reaches outside asks no person, so it takes nothing along that is masked."""
    spec = catalogue.tools.get(call.tool)
    if spec is not None and spec.reaches is not None and not spec.effect.writes:
        return call.arguments
    return masks.resolved(call.arguments)


def _unhidden(message: Message) -> Json:
    """Its body, with nothing hidden in a tool's result."""
    if message.role is not Role.TOOL:
        return message.body
    return {**message.body, "content": unhidden(str(message.body.get("content", "")))}


def _shown(message: Message, masks: Masks, catalogue: Catalogue, model: str) -> Message:
    body = message.body
    match message.role:
        case Role.INPUT:
            return replace(message, body=_input(body, masks, model))
        case Role.ASSISTANT:
            calls = [
                {**call, "arguments": masks.document(call["arguments"])} for call in body.get("calls") or []
            ]
            return replace(
                message, body={**body, "text": masks.hushed(body.get("text") or ""), "calls": calls}
            )
    return replace(message, body={**body, "content": _content(body, masks, catalogue)})


def _input(body: Json, masks: Masks, model: str) -> Json:
    if model != "scripted" or not isinstance(body, dict):
        return masks.document(body)
    own = {name: body[name] for name in _SCRIPTED if name in body}
    return {**masks.document({name: body[name] for name in body if name not in own}), **own}


def _content(body: Json, masks: Masks, catalogue: Catalogue) -> str:
    text = body["content"]
    document = _json(text)
    if document is not None:
        return json.dumps(masks.document(document), ensure_ascii=False)
    if masks.names and _pointers(body, catalogue):
        return WITHHELD
    cut = _CUT.search(text)
    return masks.masked(text[: cut.start()][:-_CUT_OFF]) + cut[0] if cut else masks.masked(text)


def _names(message: Message, masks: Masks, catalogue: Catalogue) -> Iterator[str]:
    """Names that a tool's result holds where its tool says so."""
    if message.role is not Role.TOOL or not masks.names:
        return
    document = _json(message.body["content"])
    for pointer in _pointers(message.body, catalogue):
        yield from _texts(_at(document, pointer.split("/")[1:]))


def _pointers(body: Json, catalogue: Catalogue) -> Collection[str]:
    spec = catalogue.tools.get(body.get("tool", ""))
    good = body.get("outcome") == Outcome.SUCCEEDED
    return spec.names if spec is not None and good else ()


def _json(text: str) -> Json:
    """An object or a list; None where the text is none, or nested too deeply to look into."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) and not too_deep(found) else None


def _at(value: Json, parts: Sequence[str]) -> Iterator[Json]:
    """What is at a JSON pointer in which ``*`` is each item of a list."""
    if not parts:
        yield value
        return
    part, rest = parts[0].replace("~1", "/").replace("~0", "~"), parts[1:]
    if isinstance(value, list):
        picked = value if part == "*" else value[int(part) :][:1] if part.isdecimal() else []
        for inner in picked:
            yield from _at(inner, rest)
    elif isinstance(value, dict) and part in value:
        yield from _at(value[part], rest)


def _texts(found: Iterator[Json]) -> Iterator[str]:
    """Every text in what was found, however it is wrapped."""
    for value in found:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from _texts(iter(value.values() if isinstance(value, dict) else value))
