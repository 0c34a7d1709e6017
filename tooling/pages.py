"""Pages generated from code: each module prints its page, so the page can be held to the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tooling.steps import PYTHON, ROOT, StepFailed, quietly


@dataclass(frozen=True)
class Page:
    """A file in docs, and the module that prints what it must say."""

    path: Path
    module: str

    def generated(self) -> str:
        """Returns the page as the code of this moment would print it."""
        done = quietly([PYTHON, "-m", self.module])
        if done.returncode != 0:
            raise StepFailed(f"python -m {self.module} failed:\n{done.stdout}")
        return done.stdout


PAGES = (
    Page(ROOT / "docs" / "lifecycle.md", "onward.contract.lifecycle_page"),
    Page(ROOT / "docs" / "asyncapi.yaml", "onward.contract.asyncapi"),
    Page(ROOT / "docs" / "openapi.json", "onward_gateway.openapi"),
    Page(ROOT / "services" / "onward_gateway" / "ui" / "types.d.ts", "tooling.page_types"),
    Page(ROOT / "docs" / "protocol-tests.md", "tooling.protocol_tests"),
    Page(ROOT / "docs" / "torture.md", "tooling.torture_tests"),
    Page(ROOT / "docs" / "reliability.md", "tooling.reliability_page"),
    Page(ROOT / "docs" / "seed.md", "tooling.seed_page"),
    Page(ROOT / "docs" / "llms.txt", "tooling.llms"),
)


def existing() -> Iterator[Page]:
    """Yields the pages whose module has been written."""
    for page in PAGES:
        below = page.module.replace(".", "/")
        if any((ROOT / source / f"{below}.py").exists() for source in ("libs", "services", ".")):
            yield page


def stale() -> list[str]:
    """Returns the pages that do not say what the code says."""
    return [
        f"{page.path.relative_to(ROOT)} differs from `python -m {page.module}`"
        for page in existing()
        if not page.path.exists() or page.path.read_text() != page.generated()
    ]
