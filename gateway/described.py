"""An application of ours over FastAPI: its errors are problem documents, and its schema names their shape."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from contracts.errors import InterlockError
from gateway import faults
from gateway.problems import Problem, ProblemDocument, answer


class Described(FastAPI):
    """FastAPI with those components that routes name by reference alone, the problem among them."""

    def __init__(
        self,
        *,
        title: str,
        summary: str,
        routers: Sequence[APIRouter],
        lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]],
        named: Mapping[str, type[BaseModel]],
    ) -> None:
        super().__init__(
            title=title,
            version="1",
            summary=summary,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=lifespan,
        )
        self._named: Mapping[str, type[BaseModel]] = {"Problem": ProblemDocument, **named}
        self._api = [route for one in routers for route in one.routes if isinstance(route, APIRoute)]
        for kind in (Problem, InterlockError, ClientDisconnect):
            self.add_exception_handler(kind, answer)
        self.add_exception_handler(HTTPException, self._answer_http)
        self.add_exception_handler(RequestValidationError, faults.answer)
        for router in routers:
            self.include_router(router)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = super().openapi()
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name, model in self._named.items():
                described = model.model_json_schema(
                    ref_template="#/components/schemas/{model}", mode="serialization"
                )
                for inner, definition in described.pop("$defs", {}).items():
                    components.setdefault(inner, definition)
                components[name] = described
        return super().openapi()

    async def _answer_http(self, request: Request, error: Exception) -> Response:
        """The framework's own answers; its 405 names one route's methods where a path may have several."""
        response = await answer(request, error)
        path = request.url.path
        allowed = {method for route in self._api for method in _methods(route, path)}
        if response.status_code == 405 and allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response


def _methods(route: APIRoute, path: str) -> set[str]:
    return route.methods or set() if route.path_regex.match(path) else set()
