"""A decision is quick, measured by what the machine is good for just now; `bench.decide` has the figures."""

from functools import partial

from bench.decide import ARGUMENTS, RULE, SCHEMA, baseline_us, catalogue, median_us, route
from contracts.decision import Call, Ruling
from policies.arguments import fault
from policies.decide import decide

ROUNDS = 500


def test_a_decision_over_a_hundred_rules_costs_a_few_lookups() -> None:
    """The median over a hundred rules is far below a hundred loops over a hundred names; measured: 2 to 6."""
    tools, rules = catalogue(), route()
    call = Call(tool="tool.number_39", arguments=ARGUMENTS)
    assert decide(rules, tools, call, now_ms=0).ruling is Ruling.NEEDS_APPROVAL
    cost = median_us(lambda: decide(rules, tools, call, now_ms=0), ROUNDS)
    assert cost < 60 * baseline_us(ROUNDS)


def test_a_rule_on_arguments_is_compiled_once() -> None:
    """A pinned rule costs about a loop over a hundred names, however large the schema; measured: 1."""
    wide = {
        **SCHEMA,
        "properties": {**SCHEMA["properties"], **{f"p{at}": {"maxLength": at} for at in range(500)}},
    }
    baseline = baseline_us(ROUNDS)
    for schema in (RULE, SCHEMA, wide):
        assert fault(schema, ARGUMENTS) is None
        assert median_us(partial(fault, schema, ARGUMENTS), ROUNDS) < 20 * baseline
