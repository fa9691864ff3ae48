"""
Run `python examples/tenants_database.py`: tenants in a database, and several processes that serve them.

A row has the host of a tenant's API and the origin of a front end. So a new row adds a tenant, or one more origin of a
tenant, and every process sees it within a second:

    sqlite3 tenants.sqlite3 "INSERT INTO front_ends VALUES ('api.acme.example', 'https://app.acme.example')"
    curl -i -H "Host: api.acme.example" -H "Origin: https://app.acme.example" http://localhost:8013/orders

You can also run it under a server:

    uvicorn --app-dir examples --workers 2 tenants_database:application

DATABASE_URL says where the database is (sqlite+aiosqlite:///tenants.sqlite3). A host without a row is closed. While the
database is down, every host is closed, and the log says so.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateTable
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from corsguard import Policy
from corsguard.asgi import CORSMiddleware

engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///tenants.sqlite3"))


class Base(DeclarativeBase):
    """
    The tables of this application.
    """


class FrontEnd(Base):
    """
    A front end of a tenant: its origin as browsers send it, and the host of the API that it may read.
    """

    __tablename__ = "front_ends"

    host: Mapped[str] = mapped_column(String(260), primary_key=True)
    origin: Mapped[str] = mapped_column(String(400), primary_key=True)


class Tenants:
    """
    The policies of all tenants. A question times out after two seconds, which closes the host for that request.
    """

    async def policy_of(self, host: str) -> Policy | None:
        """
        Return the policy of the tenant at *host*, or None if there is none.
        """
        rows = select(FrontEnd.origin).where(FrontEnd.host == host)
        async with asyncio.timeout(2), engine.connect() as connection:
            origins = [*await connection.scalars(rows)]
        if not origins:
            return None
        return Policy(
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
            allow_credentials=True,
        )


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """
    Create the table if it does not exist. Every process of the server does this.
    """
    async with engine.begin() as connection:
        await connection.execute(CreateTable(FrontEnd.__table__, if_not_exists=True))
    yield
    await engine.dispose()


async def orders(request: Request) -> Response:
    """
    Return the host of the request, and the process that answered.
    """
    return JSONResponse({"host": request.headers["Host"], "process": os.getpid()})


application = CORSMiddleware(Starlette(routes=[Route("/orders", orders)], lifespan=lifespan), {"hosts": Tenants()})

if __name__ == "__main__":
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8013")))) as listening:
        print(f"http://localhost:{listening.getsockname()[1]}/orders", flush=True)
        uvicorn.run("tenants_database:application", fd=listening.fileno(), workers=2, log_level="warning")
