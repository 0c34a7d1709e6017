import asyncio

import asyncpg
import pytest

from onward_execution_state.database import UNREACHABLE, Database, lies_in_the_data


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
        asyncpg.CheckViolationError("no such status"),
        asyncpg.NotNullViolationError("no task"),
        asyncpg.ProgramLimitExceededError("index row size"),
        asyncpg.DataError("invalid input for query argument $1"),
        KeyError("a fold that does not know what to do"),
        ValueError("a time that is none"),
    ],
)
def test_an_error_that_the_same_event_will_always_make_lies_in_the_data(error):
    assert lies_in_the_data(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("nobody listens"),
        TimeoutError("no answer"),
        asyncpg.ConnectionDoesNotExistError("closed"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many clients"),
        asyncpg.DiskFullError("no space left"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.InvalidCachedStatementError("the schema changed"),
    ],
)
def test_an_error_of_the_moment_sets_no_event_aside(error):
    assert not lies_in_the_data(error)
    assert isinstance(error, UNREACHABLE)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UndefinedTableError("no table"),
        asyncpg.InsufficientPrivilegeError("not allowed"),
        asyncpg.DataCorruptedError("bad page"),
        asyncio.CancelledError(),
    ],
)
def test_an_error_that_every_event_would_make_sets_none_aside(error):
    assert not lies_in_the_data(error)


async def test_nothing_is_connected_before_it_is_needed():
    database = Database("postgresql://postgres@127.0.0.1:1/none")

    assert "Postgres does not answer" in await database.ready()

    await database.close()
