"""The browser of the browser tests: Debian's Chromium, installed here where there is none and we may."""

import os
import shutil

from tooling.steps import StepFailed, quietly, step

PATIENT = ("-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120")
"""A mirror that fails once, or another installation under way, is no reason to go without."""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def found() -> str | None:
    """Returns the path of a browser, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> None:
    """Installs one where that is possible; where not, the browser tests say that they were NOT RUN."""
    if found() or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    try:
        with step("install Debian's chromium"):
            for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
                done = quietly(["apt-get", *PATIENT, *words], timeout=600)
                if done.returncode != 0:
                    raise StepFailed(done.stdout)
    except StepFailed:
        return
