"""The Web API's methods, each a function from arguments to Slack's answer."""

import base64
import secrets
from collections.abc import Callable

from embedded.slack import arguments as read
from embedded.slack import blocks as kit
from embedded.slack.checks import Json
from embedded.slack.config import Person, direct
from embedded.slack.workspace import Workspace

#: chat.postMessage truncates there; chat.update refuses past its own limit.
POSTED_TEXT = 40_000
UPDATED_TEXT = 4_000


def auth_test(workspace: Workspace, _: Json) -> Json:
    """Who the token is."""
    settings = workspace.settings
    return {
        "url": f"{workspace.base_url}/",
        "team": settings.domain.capitalize(),
        "user": settings.domain,
        "team_id": settings.team,
        "user_id": settings.bot_user,
        "bot_id": workspace.bot_id,
        "app_id": settings.app,
        "is_enterprise_install": False,
    }


def post_message(workspace: Workspace, arguments: Json) -> Json:
    """Post to a channel, a person or a thread."""
    channel = read.destination_of(workspace, arguments)
    text, blocks = read.content(arguments)
    thread_ts = read.thread_of(workspace, channel, arguments)
    metadata = read.metadata_of(arguments)
    if wait := workspace.rate.wait(channel.id):
        raise read.Refused("ratelimited", retry_after=wait)
    doc = workspace.bot_message(
        channel=channel.id, text=text[:POSTED_TEXT], blocks=blocks, thread_ts=thread_ts
    )
    if metadata:
        doc["metadata"] = metadata
    workspace.store.add_message(doc)
    return {"channel": channel.id, "ts": doc["ts"], "message": shown(workspace, doc)}


def update(workspace: Workspace, arguments: Json) -> Json:
    """Put new text or blocks in a message's place.

    Text without blocks takes the blocks away and marks the message as edited; blocks leave no mark.
    """
    channel = read.channel_of(workspace, arguments)
    before = workspace.store.message(channel.id, read.required(arguments, "ts"))
    if before is None:
        raise read.Refused("message_not_found")
    if len(str(arguments.get("text") or "")) > UPDATED_TEXT:
        raise read.Refused("msg_too_long")
    text, blocks = read.content(arguments)
    after = {key: value for key, value in before.items() if key not in ("blocks", "edited")} | {"text": text}
    if blocks:
        after["blocks"] = blocks
    else:
        after["edited"] = {"user": workspace.settings.bot_user, "ts": workspace.store.next_ts()}
    metadata = read.metadata_of(arguments)
    if metadata is not None:
        after["metadata"] = metadata
    workspace.store.replace_message(after)
    return {
        "channel": channel.id,
        "ts": after["ts"],
        "text": text,
        "message": shown(workspace, after),
    }


def post_ephemeral(workspace: Workspace, arguments: Json) -> Json:
    """Post what only one person sees."""
    channel = read.channel_of(workspace, arguments)
    person = read.person_of(workspace, arguments)
    text, blocks = read.content(arguments)
    thread_ts = read.thread_of(workspace, channel, arguments)
    doc = workspace.bot_message(
        channel=channel.id, text=text[:POSTED_TEXT], blocks=blocks, thread_ts=thread_ts
    )
    workspace.store.add_ephemeral(doc, user=person.user)
    return {"message_ts": doc["ts"]}


def conversations_open(workspace: Workspace, arguments: Json) -> Json:
    """The channel of what only one person and the app see; of several at once there is none here."""
    person = read.person_of(workspace, arguments, "users")
    return {"channel": {"id": direct(person).id}, "no_op": True, "already_open": True}


def history(workspace: Workspace, arguments: Json) -> Json:
    """A channel's messages, newest first, without replies."""
    channel = read.channel_of(workspace, arguments)
    limit = read.limit_of(arguments)
    cursor = read.cursor_of(arguments)
    found = workspace.store.history(
        channel.id,
        oldest=read.moment(arguments, "oldest", "0"),
        latest=cursor or read.moment(arguments, "latest", "9999999999.999999"),
        with_oldest=read.flag(arguments, "inclusive"),
        with_latest=read.flag(arguments, "inclusive") and not cursor,
        limit=limit + 1,
    )
    page = [shown(workspace, doc, metadata=read.wants_metadata(arguments)) for doc in found[:limit]]
    return {"messages": page, "pin_count": 0} | _paging(
        more=len(found) > limit, last=page[-1] if page else None
    )


def replies(workspace: Workspace, arguments: Json) -> Json:
    """A thread: the parent, then its replies, oldest first."""
    channel = read.channel_of(workspace, arguments)
    parent = workspace.store.message(channel.id, read.required(arguments, "ts"))
    if parent is None:
        raise read.Refused("thread_not_found")
    thread = [parent, *workspace.store.replies(channel.id, parent["ts"])]
    cursor, limit = read.cursor_of(arguments), read.limit_of(arguments, default=1000)
    oldest = read.moment(arguments, "oldest", "0")
    found = [doc for doc in thread if doc is parent or doc["ts"] > max(oldest, cursor or "0")]
    page = [shown(workspace, doc, metadata=read.wants_metadata(arguments)) for doc in found[:limit]]
    return {"messages": page} | _paging(more=len(found) > limit, last=page[-1] if page else None)


def views_open(workspace: Workspace, arguments: Json) -> Json:
    """Show a modal to the person whose act gave the trigger."""
    view: Json = arguments.get("view") or {}
    if found := kit.complaints(kit.VIEW, "/view", view):
        raise read.Refused("invalid_arguments", found)
    trigger = workspace.triggers.exchange(read.required(arguments, "trigger_id"))
    if trigger == "invalid_trigger_id":
        raise read.Refused("invalid_arguments", ["[ERROR] invalid `trigger_id` [json-pointer:/trigger_id]"])
    if isinstance(trigger, str):
        raise read.Refused(trigger)
    doc = new_view(workspace, view)
    workspace.store.put_view(doc, user=trigger.user)
    return {"view": doc}


def users_info(workspace: Workspace, arguments: Json) -> Json:
    """A person's names and workspace."""
    settings = workspace.settings
    user = read.required(arguments, "user")
    if user == settings.bot_user:
        bot = Person(user=user, name=settings.domain.capitalize())
        return {"user": _profile(bot, settings.team, bot=True)}
    person = read.person_of(workspace, arguments)
    return {"user": _profile(person, workspace.team_of(person), bot=False)}


METHODS: dict[str, Callable[[Workspace, Json], Json]] = {
    "auth.test": auth_test,
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.postEphemeral": post_ephemeral,
    "conversations.open": conversations_open,
    "conversations.history": history,
    "conversations.replies": replies,
    "views.open": views_open,
    "users.info": users_info,
}


def shown(workspace: Workspace, doc: Json, *, metadata: bool = True) -> Json:
    """A message as the Web API gives it: a parent tells about its thread."""
    hidden = {"channel"} if metadata else {"channel", "metadata"}
    message = {key: value for key, value in doc.items() if key not in hidden}
    answers = workspace.store.replies(doc["channel"], doc["ts"])
    if answers:
        message |= {
            "thread_ts": doc["ts"],
            "reply_count": len(answers),
            "reply_users": sorted({answer["user"] for answer in answers}),
            "latest_reply": answers[-1]["ts"],
        }
    return message


def new_view(workspace: Workspace, view: Json) -> Json:
    """A modal as Slack keeps it."""
    identifier = f"V{secrets.token_hex(5).upper()}"
    return {
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "submit": None,
        "close": None,
        **view,
        "blocks": kit.completed(view["blocks"]),
        "id": identifier,
        "root_view_id": identifier,
        "previous_view_id": None,
        "team_id": workspace.settings.team,
        "app_id": workspace.settings.app,
        "app_installed_team_id": workspace.settings.team,
        "bot_id": workspace.bot_id,
        "hash": f"{workspace.store.next_ts()}.{secrets.token_hex(4)}",
        "state": {"values": {}},
    }


def _profile(person: Person, team: str, *, bot: bool) -> Json:
    profile = {
        "real_name": person.name,
        "real_name_normalized": person.name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "team": team,
    }
    return {
        "id": person.user,
        "team_id": team,
        "name": person.username,
        "real_name": person.name,
        "deleted": False,
        "is_bot": bot,
        "is_app_user": False,
        "tz": "UTC",
        "tz_offset": 0,
        "profile": profile,
    }


def _paging(*, more: bool, last: Json | None) -> Json:
    if not more or last is None:
        return {"has_more": False}
    cursor = base64.b64encode(f"next_ts:{last['ts']}".encode()).decode()
    return {"has_more": True, "response_metadata": {"next_cursor": cursor}}
