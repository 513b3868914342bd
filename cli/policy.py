"""``interlock policy``: check, test, compare, publish and explain what is written in a policy directory."""

import time
from typing import Annotated, Any

import typer

from cli import output
from cli.options import JsonOption, json_object
from cli.policy_diff import diff
from cli.policy_files import EnvOption, Loaded, PoliciesOption, ToolsOption
from cli.policy_publish import publish
from cli.policy_trial import try_cases
from contracts.decision import Call, Reason
from policies.decide import decide
from policies.foreseen import no_route

app = typer.Typer(no_args_is_help=True, help="What agents may do.")


@app.command()
def check(
    policies: PoliciesOption = None,
    tools: ToolsOption = None,
    env: EnvOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Check routes, people and cases without running anything.

    Example: interlock policy check --policies ./policies/shipped
    """
    loaded = Loaded.read(policies, tools, env).policies
    warnings = [str(problem) for problem in loaded.warnings]
    if as_json:
        output.document(
            {"routes": sorted(loaded.routes), "people": len(loaded.people.people), "warnings": warnings}
        )
        return
    for warning in warnings:
        output.say(f"warning: {warning}")
    output.say(f"{len(loaded.routes)} routes and {len(loaded.people.people)} people are sound.")


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
    people = f" ({found['approvals']} people approve)" if found["approvals"] else ""
    output.say(f"{tool} on {route}: {found['decision']}{people}")
    rows = [(one["rule"], one["text"], f"{one['file']}:{one['line']}") for one in found["reasons"]]
    output.table("Because", ("rule", "reason", "where"), rows)


def explained(loaded: Loaded, route: str, call: Call) -> dict[str, Any]:
    """The decision with the place of each rule; of an unknown route it is a denial."""
    rules = loaded.policies.routes.get(route)
    if rules is None:
        decision = no_route(route, loaded.policies.routes)
    else:
        decision = decide(rules, loaded.tools.catalogue, call, now_ms=time.time_ns() // 1_000_000)
    return {
        "decision": decision.ruling.value,
        "approvals": decision.approvals,
        "reasons": [_placed(loaded, route, call.tool, reason) for reason in decision.reasons],
    }


def _placed(loaded: Loaded, route: str, tool: str, reason: Reason) -> dict[str, Any]:
    file, line = loaded.places.of(route, tool, reason.rule)
    return {"rule": reason.rule, "file": file, "line": line, "text": reason.text}
