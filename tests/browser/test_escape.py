"""What people and programs write is text on every page: no script in it ever runs."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.support.seed_page import Onward

CORPUS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "'-window.pwned=1-'",
    "javascript:window.pwned=1",
    "\u001b[31m<img src=x onerror=window.pwned=1>\u001b[0m",
    "{{constructor.constructor('window.pwned=1')()}}",
    "</textarea><script>window.pwned=1</script>",
)


def test_scripts_in_names_inputs_outputs_logs_labels_and_errors_never_run(
    visit: Visit, onward: Onward
) -> None:
    made = [
        onward.submit("greet", {"name": text}, labels={"text": text[:100]}, task_id=text[:100])
        for text in CORPUS
    ]
    made += [onward.submit("deploy", {"version": text}) for text in CORPUS[:3]]
    for execution in made[: len(CORPUS)]:
        onward.ended(execution)
    refused = onward.submit("fails_with", {"text": CORPUS[1]}, retry={"attempts": 1})
    onward.ended(refused)

    for path in (
        "/",
        "/list",
        "/needs-you",
        *(
            f"/x/{one}?tab={tab}"
            for one in (made[0], made[5], refused)
            for tab in ("data", "events", "timeline")
        ),
    ):
        page = visit.go(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("main img, main script, main svg[onload]").count() == 0, path
    visit.go(f"/x/{refused}")
    expect(visit.page.locator(".notice.is-bad")).to_contain_text("onerror=window.pwned=1")
