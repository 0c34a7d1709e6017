"""Marks tests by their folder, and says at the end what was NOT RUN and why; on CI a skip is a failure."""

import os
from collections import Counter

import pytest

MARK_OF_FOLDER = {"live": "live", "journeys": "journey", "browser": "journey"}
NOT_RUN = pytest.StashKey[Counter]()
ON_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_configure(config):
    config.stash[NOT_RUN] = Counter()


def pytest_itemcollected(item):
    folders = item.path.relative_to(item.config.rootpath).parts[1:2]
    for mark in (MARK_OF_FOLDER[folder] for folder in folders if folder in MARK_OF_FOLDER):
        item.add_marker(mark)


def pytest_deselected(items):
    for item in items:
        marks = "/".join(sorted({mark.name for mark in item.iter_markers()} & {"live", "journey", "slow"}))
        item.config.stash[NOT_RUN][f"deselected ({marks or 'by name'})"] += 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        item.config.stash[NOT_RUN][reason.removeprefix("Skipped: ")] += 1
        if ON_CI:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: NOT RUN, which fails on CI: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped:
        collector.config.stash[NOT_RUN][f"{collector.nodeid}: {report.longrepr[2]}"] += 1
        if ON_CI:
            report.outcome = "failed"
            report.longrepr = f"{collector.nodeid}: NOT RUN, which fails on CI: {report.longrepr[2]}"
    return report


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = dict(session.config.stash[NOT_RUN])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    for reason, count in getattr(node, "workeroutput", {}).get("not_run", {}).items():
        total = node.config.stash[NOT_RUN]
        # Each process deselects everything by itself, and skips only what it was given.
        total[reason] = (
            max(total[reason], count) if reason.startswith("deselected") else total[reason] + count
        )


def pytest_terminal_summary(terminalreporter, config):
    reasons = config.stash[NOT_RUN]
    listed = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common())
    terminalreporter.write_line(f"NOT RUN: {listed or 'nothing, everything asked for was run'}")
