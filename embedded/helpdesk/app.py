"""The helpdesk's parts put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from embedded.helpdesk import control, mailing, reading, refunding, writing
from embedded.helpdesk.callers import Helpdesk
from embedded.helpdesk.database import Database
from embedded.helpdesk.door import Door
from embedded.helpdesk.execution import InFlight
from embedded.helpdesk.faults import Faults
from embedded.helpdesk.keys import KeyFile
from embedded.helpdesk.problems import answer_with_problems
from embedded.helpdesk.site import Site


def build(*, database: Database, keys: KeyFile) -> FastAPI:
    """The service over an open database, which it closes when it ends."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(title="Helpdesk", version="1", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.helpdesk = Helpdesk(database=database, faults=Faults(), in_flight=InFlight())
    answer_with_problems(app)
    app.add_middleware(Door, keys=keys, database=database)
    # Added last, so it stands before the door.
    app.add_middleware(Site, database=database)
    for part in (reading, writing, mailing, refunding, control):
        app.include_router(part.router)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
