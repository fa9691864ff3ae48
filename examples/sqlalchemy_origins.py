"""
Run `python examples/sqlalchemy_origins.py`: origins in a database, with SQLAlchemy's asynchronous engine.

The application asks the database about each origin, and remembers the answer for a short time. You can also run it
under a server:

    uvicorn --app-dir examples sqlalchemy_origins:application

    sqlite3 tenants.sqlite3 "INSERT INTO tenants VALUES ('https://one.example')"

DATABASE_URL says where the database is (sqlite+aiosqlite:///tenants.sqlite3). A change of a row is seen within
REMEMBER_SECONDS (10). Every process asks for itself. While the database is down, an origin that is not remembered is
refused.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import String, exists, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from corsguard import Policy, RememberedOrigins
from corsguard.asgi import CORSMiddleware

engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///tenants.sqlite3"))


class Base(DeclarativeBase):
    """
    The tables of this application.
    """


class Tenant(Base):
    """
    A tenant that may read, with its origin as browsers send it.
    """

    __tablename__ = "tenants"

    origin: Mapped[str] = mapped_column(String(400), primary_key=True)


class Tenants:
    """
    The origins of all tenants. A question times out after two seconds, which counts as no.
    """

    async def allows(self, origin: str) -> bool:
        """
        Return whether a tenant has *origin*.
        """
        async with asyncio.timeout(2), engine.connect() as connection:
            return await connection.scalar(select(exists().where(Tenant.origin == origin))) is True


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """
    Create the table if it does not exist.
    """
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


async def orders(_: Request) -> Response:
    """
    Return the number of orders, and the process that answered.
    """
    return JSONResponse({"orders": 3, "process": os.getpid()})


application = CORSMiddleware(
    Starlette(routes=[Route("/orders", orders)], lifespan=lifespan),
    Policy(
        allow_origins=RememberedOrigins(Tenants(), ttl=float(os.environ.get("REMEMBER_SECONDS", "10"))),
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
        allow_credentials=True,
    ),
)


if __name__ == "__main__":
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8009")))) as listening:
        print(f"http://localhost:{listening.getsockname()[1]}/orders", flush=True)
        uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listening])
