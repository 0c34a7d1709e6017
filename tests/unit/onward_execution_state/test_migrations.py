"""Each migration has a number of its own: two branches that both took the next one are found before any database."""

from onward_execution_state.migrate import migrations


def test_migrations_are_numbered_one_by_one():
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))
