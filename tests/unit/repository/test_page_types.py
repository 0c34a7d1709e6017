"""The pages' types say what docs/openapi.json says."""

from tooling.page_types import page


def test_what_get_answers_is_found_by_its_path() -> None:
    made = page()

    assert '  "/executions/{}": ExecutionView;' in made
    assert '  "/executions/{}/events": Page;' in made


def test_a_member_of_an_answer_is_always_there_and_one_of_a_body_where_it_must_be() -> None:
    made = page()

    assert "waiting_on: Array<WaitView>;" in _interface(made, "ExecutionView")
    assert "  task: string;" in _interface(made, "NewAgent")
    assert "  queue?: string | null;" in _interface(made, "NewAgent")


def _interface(made: str, name: str) -> str:
    return made.partition(f"export interface {name} {{")[2].partition("}")[0]
