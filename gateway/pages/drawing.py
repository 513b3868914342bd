"""Pages drawn from templates. Text from outside is escaped, made visible and kept apart from ours."""

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from gateway.pages.faults import HEADINGS, Fault
from gateway.pages.look import Look
from gateway.pages.visits import House, Visit
from gateway.parts import PagesApp
from policies.alphabets import marked
from policies.visible import visible


def outside(text: str) -> Markup:
    """Text that is not ours: its direction is its own, so it turns round nothing beside it."""
    return Markup('<bdi class="outside">{}</bdi>').format(marked(text, visible(text)))


@cache
def _templates(directories: tuple[Path, ...]) -> Environment:
    found = Environment(
        loader=FileSystemLoader(directories),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["outside"] = outside
    return found


async def page(template: str, visit: Visit[House], status: int = 200, **values: Any) -> HTMLResponse:
    """A page for this visitor; drawn in a thread, since long texts take a while to compare."""
    return await asyncio.to_thread(_drawn, visit.pages.look, template, status, {"visit": visit, **values})


def fault_page(fault: Fault, visit: Visit[House] | None, pages: PagesApp) -> Response:
    """The page of a fault; without a visit it names nobody."""
    values = {"visit": visit, "fault": fault, "heading": HEADINGS[fault.status], "pages": pages.at}
    response = _drawn(pages.look, "fault.html", fault.status, values)
    if fault.status == 401:
        response.headers["WWW-Authenticate"] = 'Session realm="interlock"'
    return response


def _drawn(look: Look, template: str, status: int, values: dict[str, Any]) -> HTMLResponse:
    return HTMLResponse(_templates(look.templates).get_template(template).render(values, look=look), status)
