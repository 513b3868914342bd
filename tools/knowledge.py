"""The knowledge base, as an agent searches it."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from contracts.digest import Json
from tools.operation import Arguments, PythonRead, Reader

_NO_RESULTS: Final = "the helpdesk's answer holds no search results"


class SearchArguments(Arguments):
    """What to search for."""

    query: Annotated[
        str, Field(min_length=1, max_length=200, description="Words that the article should have.")
    ]
    limit: Annotated[int, Field(ge=1, le=10, description="Articles to return, at most.")] = 5


class _Article(BaseModel):
    id: str
    title: str
    snippet: str
    score: float


class _Found(BaseModel):
    articles: list[_Article]


class SearchArticles(PythonRead[SearchArguments]):
    """``kb.search``."""

    version = "1"
    description = (
        "Search the knowledge base. Returns articles, best first, each with id, title, a snippet and a score"
        " from 0 to 1 that says how much of the query it covers."
    )
    arguments = SearchArguments

    async def read(self, session: Reader, arguments: SearchArguments) -> Json:
        query = {"q": arguments.query, "limit": str(arguments.limit)}
        reply = await session.get("/articles", query=query)
        return reply.read(_Found, _NO_RESULTS).model_dump()
