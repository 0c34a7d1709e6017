"""Each migration has a number of its own: two branches that both took the next one are found before any database."""

from onward_execution_state.migrate import migrations


def test_no_two_migrations_have_one_number():
    numbers = [step.version for step in migrations()]

    assert numbers == sorted(set(numbers))
