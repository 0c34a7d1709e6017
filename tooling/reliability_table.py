"""What docs/reliability.md says: promises, invariants, planted faults, figures; tests by their names."""

# ruff: noqa: E501 - rows of tables, and paragraphs of a page

from dataclasses import dataclass

Tests = tuple[str, ...]


@dataclass(frozen=True)
class Promise:
    """What a user may count on, and the invariants that stand for it."""

    says: str
    invariants: tuple[int, ...]
    tests: Tests


@dataclass(frozen=True)
class Figure:
    """One figure of the plan: what is done, what came of it, what is not shown. Without tests it is not shown at all."""

    goal: str
    tests: Tests = ()
    command: str = ""
    last: str = ""
    short: str = ""


PROMISES = (
    Promise(
        "A 202 means that the submission is on disk and will end, whatever single process dies.",
        (1, 16),
        (
            "test_kills_pauses_and_broken_wires_break_no_promise",
            "test_a5_nothing_accepted_is_lost_or_doubled_by_kills_of_the_server",
            "test_services_make_streams_and_each_append_is_on_disk_before_its_ack",
        ),
    ),
    Promise(
        "An execution has one outcome and one result in each of its lives, for ever.",
        (2, 4),
        (
            "test_ten_thousand_days_break_no_promise",
            "test_kills_pauses_and_broken_wires_break_no_promise",
        ),
    ),
    Promise(
        "A step whose result is saved does not run again. One that was under way when its worker died may: give what it "
        "does outside the key that it is supplied with.",
        (3,),
        (
            "test_torture_01_a_worker_killed_at_any_of_its_requests_repeats_no_paid_step",
            "test_a_killed_workers_execution_goes_on_elsewhere_at_once_and_repeats_no_paid_step",
        ),
    ),
    Promise(
        "After an accepted cancel no new step starts; of a cancel and an end that race, one wins and both are told so.",
        (9,),
        (
            "test_c1_after_a_cancel_no_step_begins_whatever_happens",
            "test_torture_08_a_cancel_that_races_completion_tells_both_callers_the_truth",
        ),
    ),
    Promise(
        "Each tick of a schedule within its window starts one execution.",
        (8,),
        (
            "test_each_tick_starts_one_execution_while_replicas_are_killed_for_a_minute",
            "test_a_tick_submitted_twice_is_one_execution_whatever_its_schedule_says_by_then",
        ),
    ),
    Promise(
        "A reader of a log who comes back gets every line once and in order; what was dropped is counted.",
        (6,),
        (
            "test_torture_14_following_across_three_forced_disconnects_equals_the_stored_log_byte_for_byte",
            "test_readers_of_a_relay_that_is_killed_miss_nothing",
        ),
    ),
    Promise(
        "Never more executions hold the key of a limit than it allows, and no death leaks one.",
        (7,),
        (
            "test_l1_no_key_is_ever_held_by_more_than_its_maximum_and_none_is_leaked",
            "test_keys_are_never_held_by_more_than_they_may_while_processes_are_killed",
        ),
    ),
    Promise(
        "Who was told of an execution finds it, and never sees an older state of it again.",
        (5, 10),
        ("test_a_thousand_posts_are_each_followed_by_a_get_with_the_projector_paused_half_the_time",),
    ),
    Promise(
        "A question has one accepted answer; an event from outside counts once.",
        (12,),
        ("test_of_racing_answers_one_is_accepted_and_used_and_the_others_are_refused",),
    ),
)

INVARIANTS = {
    1: "accepted: it exists and ends; one of unknown outcome at most once; one key, one execution",
    2: "one outcome in each life; every read shows what the log held",
    3: "a saved step does not begin again, and is saved once it has ended",
    4: "the events are a path of the state machine; attempts rise by one",
    5: "ordinals 1, 2, 3 … in the order of the stream; no row falls back",
    6: "log lines 1, 2, 3 … over all connections of a reader, drops counted",
    7: "never more holders of a key than it allows; none that has ended",
    8: "each due tick started one execution",
    9: "after an accepted cancel no step begins behind another one, and nothing completes",
    10: "what was accepted is found; no reader sees an older version again",
    11: "a child is what its parent decided on; nothing it leaves behind runs on; each end is told once and is true",
    12: "an event from outside counts once and is used or kept; a question has one answer",
    13: "an attempt begins no sooner than its delay allows",
    14: "the tables say what the log folds to",
    15: "nobody is shown what belongs to another project",
    16: "nothing is there that nobody asked for",
    17: "what was done is undone once, the latest first, before the end for which it is undone",
}

PLANTED = {
    1: ("no fence", ("test_no_fence_is_found", "test_a1_without_the_fence_zombies_write")),
    2: ("an ack before what it stands for is stored", (
        "test_an_acknowledgment_before_the_checkpoint_is_found", "test_an_ack_before_the_outcome_is_found")),
    3: ("a checkpoint before its step has ended", (
        "test_planted_03_a_checkpoint_that_is_stored_while_its_step_runs_is_found",
        "test_planted_03_i3_a_checkpoint_that_is_stored_before_its_step_has_ended_is_found")),
    4: ("a projection without a guard by version", ("test_a_projection_without_a_guard_by_version_is_found",)),
    5: ("a key that is forgotten", (
        "test_planted_05_a_key_that_is_forgotten_after_two_minutes_is_found", "test_without_keys_an_event_that_is_sent_again_counts_again")),
    6: ("a cancel that a running worker does not hear of", (
        "test_planted_06_a_cancel_that_is_looked_for_at_the_start_alone_is_found",
        "test_c1_a_cancel_that_is_no_event_is_forgotten_with_its_worker")),
    7: ("a tick without an identity", ("test_planted_07_a_scheduler_whose_ticks_have_no_identity_is_found",)),
    8: ("an answer that is not compared", (
        "test_planted_08_an_answer_that_is_stored_without_a_comparison_is_found",
        "test_planted_08_an_answer_that_is_appended_without_the_fence_is_found")),
    9: ("a retry before its time", (
        "test_planted_09_a_delay_that_is_in_the_failed_workers_memory_alone_is_found",)),
    10: ("a relay that goes on at another line", (
        "test_planted_10_a_relay_that_resumes_by_time_is_found",)),
    11: ("a grant that is given back by somebody else", (
        "test_planted_11_a_grant_that_is_released_without_its_epoch_is_found",
        "test_l1_without_the_fence_of_the_key_two_keepers_give_it_twice")),
    12: ("a 202 before anything is stored", ("test_an_acceptance_before_anything_is_stored_is_found",)),
}  # fmt: skip
