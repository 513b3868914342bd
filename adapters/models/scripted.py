"""The scripted model: it says what the run's input tells it to, for tests and rehearsals."""

import json

from contracts.budget import Usage
from contracts.decision import Call
from contracts.digest import Json
from contracts.errors import Malformed
from contracts.transcript import ModelRequest, ModelTurn, Role
from policies.spend import request_bytes


def ask(request: ModelRequest) -> ModelTurn:
    """The script's next turn, then its final text.

    Raises:
        Malformed: the run's input holds no script.
    """
    script, final = _script(request)
    turn = sum(message.role is Role.ASSISTANT for message in request.messages)
    calls = (
        tuple(_call(turn, place, call) for place, call in enumerate(script[turn]))
        if turn < len(script)
        else ()
    )
    text = final if turn >= len(script) else ""
    return ModelTurn(text=text, calls=calls, usage=estimate(request, text, calls))


def estimate(request: ModelRequest, text: str, calls: tuple[Call, ...]) -> Usage:
    """Tokens as a provider would count them, roughly: four bytes each."""
    said = len(text.encode("utf-8", "surrogatepass")) + sum(len(json.dumps(call.arguments)) for call in calls)
    return Usage(
        input_tokens=request_bytes(request) // 4, output_tokens=min(said // 4, request.max_output_tokens)
    )


def run_input(request: ModelRequest) -> Json:
    """The run's input: the first message that holds one."""
    return next((message.body for message in request.messages if message.role is Role.INPUT), None)


def _script(request: ModelRequest) -> tuple[list[list[Json]], str]:
    body = run_input(request)
    script = body.get("script") if isinstance(body, dict) else None
    if not isinstance(script, list) or not all(isinstance(turn, list) for turn in script):
        raise Malformed(
            'the scripted model needs an input with {"script": [[{"tool", "args"}, …], …], "final": "text"}'
        )
    return script, str(body.get("final", ""))


def _call(turn: int, place: int, call: Json) -> Call:
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
        raise Malformed(f'call {place} of turn {turn} of the script is no {{"tool", "args"}}')
    return Call(
        tool=call["tool"],
        arguments=call.get("args", {}),
        words=str(call.get("words", "")),
        call_id=f"script-{turn}-{place}",
    )
