"""The pages' own JavaScript, read by TypeScript: JSDoc types, and answers as docs/openapi.json has them."""

import shutil

from tooling import vendor
from tooling.steps import StepFailed, quietly

SETTINGS = vendor.FROM / "tsconfig.json"
NODE = shutil.which("npm")


def findings() -> list[str]:
    """Returns what does not fit. Raises NotFetched where there is no TypeScript to ask."""
    if NODE is None:
        raise vendor.NotFetched("there is no Node")
    compiler = vendor.packages() / ".bin" / "tsc"
    done = quietly([compiler, "--project", SETTINGS])
    said = done.stdout.strip().splitlines()
    if done.returncode != 0 and not said:
        raise StepFailed(f"{compiler} ended with {done.returncode}")
    return said if done.returncode != 0 else []
