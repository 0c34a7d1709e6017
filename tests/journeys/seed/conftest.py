from collections.abc import Iterator

import pytest

from tests.support.seed_page import Onward, installation


@pytest.fixture(scope="session")
def onward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Onward]:
    """One installation for all of them: each test makes what it looks for, and looks for nothing else."""
    with installation(tmp_path_factory.mktemp("home")) as it:
        yield it
