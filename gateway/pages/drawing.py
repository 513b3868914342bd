"""Pages drawn from templates. Text from outside is escaped, made visible and kept apart from ours."""

import asyncio
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from gateway.pages.faults import HEADINGS, Fault
from gateway.pages.visits import Visit
from policies.alphabets import marked
from policies.pages import Pages
from policies.visible import visible

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def outside(text: str) -> Markup:
    """Text that is not ours: its direction is its own, so it turns round nothing beside it."""
    return Markup('<bdi class="outside">{}</bdi>').format(marked(text, visible(text)))


_TEMPLATES.filters["outside"] = outside


async def page(template: str, visit: Visit, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for this visitor; drawn in a thread, since long texts take a while to compare."""
    return await asyncio.to_thread(_drawn, template, status, {"visit": visit, **values})


def fault_page(fault: Fault, visit: Visit | None, pages: Pages) -> Response:
    """The page of a fault; without a visit it names nobody."""
    values = {"visit": visit, "fault": fault, "heading": HEADINGS[fault.status], "pages": pages}
    response = _drawn("fault.html", fault.status, values)
    if fault.status == 401:
        response.headers["WWW-Authenticate"] = 'Session realm="interlock"'
    return response


def _drawn(template: str, status: int, values: dict[str, Any]) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status)
