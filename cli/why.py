"""``interlock run why``: who asked, which rule, what was shown, who decided and what came of it, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli import output, words

Data = Mapping[str, Any]
Rows = Iterator[tuple[str, str]]


def show(found: Data) -> None:
    """The whole chain."""
    run = found["run"]
    output.heading(f"Why run {run['run_id']} did what it did")
    output.facts(_request(found))
    for action in found["actions"]:
        output.say("")
        output.heading(title(action))
        output.facts(rows(action))
    output.say("")
    output.heading("How to check it")
    output.facts(_checks(run))


def title(action: Data) -> str:
    """``Action 3: ticket.close on T-18421, succeeded``."""
    shown, what = action["shown"], action["action"]
    target = f" on {shown['frozen']['target']}" if shown else ""
    return f"Action {action['number']}: {what['tool']}{target}, {what['outcome'] or 'not ended yet'}"


def _request(found: Data) -> Rows:
    run, request, policy = found["run"], found["request"], found["policy"]
    whom = f", for {request['on_behalf_of']}" if request["on_behalf_of"] else ", for nobody else"
    yield "who asked", f"{request['caller']}{whom}, on {words.day(request['at'])}"
    yield "what for", f"{run['route']} for {run['tenant']} ({run['env']}): {words.state(run)}"
    yield "request", f"{request['request_id']}, input {words.short(request['input_digest'])}"
    yield (
        "rules",
        f"policy {words.short(policy['policy_digest'])}, tools {words.short(policy['catalogue_digest'])}",
    )
    yield "execution", request["execution"] or "not started yet"


def rows(action: Data) -> Rows:
    """One action, each question with its answer; a question has several rows where it has several answers."""
    yield from _decision(action)
    yield from _shown(action)
    for question in action["questions"]:
        yield from _asked(question)
    yield from _attempts(action)
    for answer in action["answers"]:
        yield from _answer(answer)
    yield "audit", ", ".join(_places(action)) or "no record yet"


def _decision(action: Data) -> Rows:
    decision = action["decision"]
    if decision is None:
        return
    ruling = {
        "allow": "allowed",
        "deny": "denied",
        "needs_approval": f"needs {words.people(decision['approvals'])} to approve it",
    }[decision["ruling"]]
    yield "which rule", f"{ruling}, decided at {words.clock(decision['at'])}"
    for reason in decision["reasons"]:
        place = f" ({reason['file']}:{reason['line']})" if reason["file"] else ""
        yield "", f"{reason['rule']}{place}: {reason['text']}"


def _shown(action: Data) -> Rows:
    shown = action["shown"]
    if shown is None:
        return
    preview = shown["frozen"]["preview"]
    yield "what was shown", preview["target"]
    for change in preview["changes"]:
        yield "", f"{change['field']}: {change['before'] or 'nothing'} → {change['after'] or 'nothing'}"
    if preview["stakes"]:
        yield "", f"at stake: {preview['stakes']}"
    yield "", f"undo: {preview['undo']}" if preview["undo"] else "it cannot be undone"
    original = shown["frozen"].get("undoes")
    if original:
        yield "", f"it undoes {original['tool']} {original['target']}, which run {original['run_id']} did"
    if action["words"]:
        yield "", f"{'who asked for it' if original else 'the agent'} said: {action['words']}"
    yield "", f"digest of all of it: {words.short(shown['action_digest'])}"


def _asked(question: Data) -> Rows:
    until = f"until {words.day(question['deadline'])}" if question["deadline"] else "without a deadline"
    whom = f"{words.people(question['needed'])} of {question['group']}"
    asked = "did it happen?" if question["kind"] == "reconcile" else "who was asked"
    yield asked, f"{whom}, at {words.clock(question['at'])}, {until}"
    yield "", f"{question['approval_id']}, now {question['state']}"
    label = "who decided"
    for click in question["clicks"]:
        yield label, _clicked(click)
        label = ""
    if not question["clicks"]:
        yield label, "nobody"


def _clicked(click: Data) -> str:
    way = words.WAYS.get(click["way"], click["way"])
    when = f"at {words.clock(click['at'])}, after {words.duration(click['after'])}, {way}"
    if click["refusal"]:
        why = words.REFUSALS.get(click["refusal"], click["refusal"])
        return f"{click['who']} clicked {when}; it did not count: {why}"
    did = words.ANSWERS.get(click["answer"], click["answer"])
    said = f": {click['reason']}" if click["reason"] else ""
    return f"{click['who']} {did} {when}{said}"


def _attempts(action: Data) -> Rows:
    label = "under what"
    for attempt in action["attempts"]:
        verb = "asked whether it had happened" if attempt["outcome"] == "looked_up" else "sent"
        by = f", on the approval of {', '.join(attempt['approvers'])}" if attempt["approvers"] else ""
        scope = attempt["credential_scope"]
        under = f"credential {scope}" if scope else "no credential"
        yield label, f"{under}, {verb} at {words.clock(attempt['at'])}{by}"
        label = ""


def _answer(answer: Data) -> Rows:
    said = f": {answer['text']}" if answer["text"] else ""
    took = f", in {words.duration(answer['duration_ms'] / 1_000)}" if answer["credential_scope"] else ""
    yield "what came of it", f"{answer['outcome']} at {words.clock(answer['at'])}{took}{said}"
    if answer["content"]:
        yield "", f"the target answered: {answer['content']}"
    elif answer["content_bytes"]:
        yield "", f"{answer['content_bytes']} bytes, {words.short(answer['content_digest'])}, not shown"


def _places(action: Data) -> Iterator[str]:
    """The audit records of an action, by their places."""
    asked = action["questions"]
    named = (
        ("decided", [action["decision"]] if action["decision"] else []),
        ("asked", asked),
        ("clicked", [click for question in asked for click in question["clicks"]]),
        ("sent", action["attempts"]),
        ("answered", action["answers"]),
    )
    for what, links in named:
        for link in links:
            yield f"{what} {link['proof']['seq']} ({words.short(link['proof']['hash'])})"


def _checks(run: Data) -> Rows:
    yield "the chain", f"interlock audit verify --tenant {run['tenant']}"
    yield "the records", f"interlock audit export --run {run['run_id']}"
    yield "all digests", f"interlock run why {run['run_id']} --json"
