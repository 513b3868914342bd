"""``interlock policy``: check, test, compare, publish and explain what is written in a policy directory."""

import time
from typing import Annotated, Any

import typer

from cli import output
from cli.options import JsonOption, json_object
from cli.policy_check import check
from cli.policy_diff import diff
from cli.policy_files import EnvOption, PoliciesOption, ToolsOption
from cli.policy_publish import publish
from cli.policy_schema import schema
from cli.policy_trial import try_cases
from contracts.decision import Call, Reason
from policies.decide import decide
from policies.foreseen import hinted, no_route
from policies.weighed import beside, limits_on
from tools.loaded import Loaded

app = typer.Typer(no_args_is_help=True, help="What agents may do.")
app.command()(check)
app.command()(schema)
app.command("test")(try_cases)
app.command()(diff)
app.command()(publish)


@app.command()
def explain(
    route: Annotated[str, typer.Argument(help="The route, such as support/close.")],
    tool: Annotated[str, typer.Argument(help="The tool, such as ticket.close.")],
    args: Annotated[str, typer.Option(help="The call's arguments: a JSON object, or @FILE.")] = "{}",
    policies: PoliciesOption = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Say what policy decides of a call, by which rule, in which line.

    Example: interlock policy explain support/close ticket.close --args @call.json --json
    """
    arguments = json_object(args, "--args")
    found = explained(Loaded.read(policies, tools, env), route, Call(tool=tool, arguments=arguments))
    if as_json:
        output.document(found)
        return
    count = found["approvals"]
    people = f" ({count} {'person approves' if count == 1 else 'people approve'})" if count else ""
    output.say(f"{tool} on {route}: {found['decision']}{people}")
    rows = [(one["rule"], one["text"], f"{one['file']}:{one['line']}") for one in found["reasons"]]
    output.table("Because", ("rule", "reason", "where"), rows)
    rest = [
        (one["rule"], one["text"], f"{one['file']}:{one['line']}")
        for one in found["beside"] + found["limits"]
    ]
    if rest:
        output.table("And", ("rule", "what it says", "where"), rest)


def explained(loaded: Loaded, route: str, call: Call) -> dict[str, Any]:
    """The decision with the place of each rule; of an unknown route it is a denial."""
    rules = loaded.policies.routes.get(route)
    if rules is None:
        decision = no_route(route, loaded.policies.routes)
    else:
        catalogue = loaded.tools.catalogue
        decision = hinted(
            decide(rules, catalogue, call, now_ms=time.time_ns() // 1_000_000), call.tool, catalogue
        )
    said = {
        "reasons": decision.reasons,
        "beside": () if rules is None else beside(rules, loaded.policies.people, call.tool, decision),
        "limits": () if rules is None else limits_on(rules, call.tool),
    }
    return {"decision": decision.ruling.value, "approvals": decision.approvals} | {
        key: [_placed(loaded, route, call.tool, reason) for reason in reasons]
        for key, reasons in said.items()
    }


def _placed(loaded: Loaded, route: str, tool: str, reason: Reason) -> dict[str, Any]:
    file, line = loaded.places.of(route, tool, reason.rule)
    return {"rule": reason.rule, "file": file, "line": line, "text": reason.text}
