"""The FastAPI app of the front door, and how it answers errors."""

from __future__ import annotations

import logging
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from include.errors import RunbookError, ServiceUnavailableError
from include.front_door.problem import MEDIA_TYPE, FieldProblem, Problem, pointer
from opskit.web.door import following, machine_tokens, starting, stopping, webhooks
from opskit.web.door.bodies import BodyLimit
from opskit.web.door.callers import visitor
from opskit.web.door.described import describe, problems

log = logging.getLogger(__name__)

KINDS = {401: "not-signed-in", 403: "not-allowed", 404: "not-found", 405: "not-found", 413: "too-large"}

app = FastAPI(
    title="Front door of the runbooks",
    description="Start runbooks and follow them. Every answer other than a success is a problem as RFC 9457 describes it.",
    version="1",
    openapi_url=None,  # strangers get no description, see below
    responses=problems(),
)
app.add_middleware(BodyLimit)
app.include_router(starting.router)
app.include_router(following.router)
app.include_router(machine_tokens.router)
app.include_router(stopping.router)
app.include_router(webhooks.router)


@app.get("/openapi.json", dependencies=[Depends(visitor)], include_in_schema=False)
def show_description(request: Request) -> dict[str, Any]:
    """Return the OpenAPI document of the front door."""
    return describe(app, request.scope.get("root_path", ""))


def answer(problem: Problem) -> JSONResponse:
    """Return the response that tells a problem."""
    headers = {"Retry-After": str(max(1, round(problem.wait)))} if problem.wait else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(problem.body(), problem.status, headers, MEDIA_TYPE)


@app.exception_handler(Problem)
async def on_problem(request: Request, error: Problem) -> JSONResponse:
    return answer(error)


@app.exception_handler(StarletteHTTPException)
async def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
    kind = KINDS.get(error.status_code, "bad-request" if error.status_code < 500 else "unavailable")
    problem = Problem(kind, str(error.detail))
    problem.status = error.status_code
    return answer(problem)


@app.exception_handler(RequestValidationError)
async def on_wrong_field(request: Request, error: RequestValidationError) -> JSONResponse:
    found = [(each["loc"][1:] if each["loc"][0] == "body" else each["loc"], each["msg"]) for each in error.errors()]
    fields = [FieldProblem(pointer(*where), f"{said}.") for where, said in found]
    return answer(Problem("bad-request", "; ".join(f"{field.pointer}: {field.detail}" for field in fields), fields))


@app.exception_handler(SQLAlchemyError)
async def on_database_error(request: Request, error: Exception) -> JSONResponse:
    log.warning("The front door could not answer %s.", request.url.path, exc_info=error)
    return answer(
        Problem("unavailable", "Airflow's database does not answer as it should; its server's log says why.", wait=10)
    )


@app.exception_handler(RunbookError)
@app.exception_handler(ServiceUnavailableError)
@app.exception_handler(BotoCoreError)
@app.exception_handler(ClientError)
async def on_outage(request: Request, error: Exception) -> JSONResponse:
    log.warning("The front door could not answer %s.", request.url.path, exc_info=error)
    return answer(Problem("unavailable", f"What the front door keeps cannot be read or written: {error}", wait=10))
