"""The figures of docs/reliability.md: G1 to G33 of the plan, what shows them, and what does not."""

# ruff: noqa: E501 - rows of tables, and paragraphs of a page

from tooling.reliability_table import Figure

DAYS = "python -m tests.simulation.short_days 10000"
ONE = "python dev.py test -- -s -k NAME"
SLOW = "python dev.py test --all"

FIGURES = {
    1: Figure(
        "simulated days with all faults, a seed each",
        ("test_ten_thousand_days_break_no_promise", "test_a_hundred_thousand_days_break_no_promise",
         "test_thousands_of_bad_days_break_no_promise", "test_many_days_of_everything_break_no_promise",
         "test_the_same_seed_gives_the_same_day"), DAYS,
        "10,000 days in 41 s beside other load (245 a second), 0 bad; 6,528 faults hit work under way, 36,218 late writes "
        "were refused, 2,937 steps ran again"),
    2: Figure("the planted faults are found", (
        "test_a_projection_without_a_guard_by_version_is_found", "test_a_fault_that_is_built_in_is_found_in_real_processes",
        "test_without_a_fault_that_is_built_in_the_same_chaos_breaks_nothing"), SLOW,
        "12 of 12 in simulated days, each by its name and within 20 of them, see above; 9 of 12 in real processes under 20 s of kills "
        "and pauses, each by its name, one run each; nothing is found there without a fault, in three runs",
        "in real processes: 4 (no guard by version) and 11 (grants) are not tried, 7 (ticks) was planted in four runs, with kills, pauses and held wires, and not found"),
    3: Figure("a crash at every write", (
        "test_torture_01_a_worker_killed_at_any_of_its_requests_repeats_no_paid_step",
        "test_f1_wherever_the_parents_worker_dies_each_child_is_one_execution",
        "test_a_projection_cut_off_at_any_of_its_statements_leaves_equal_tables", "test_a_gateway_that_dies_at_any_request_leaves_the_operation_done_once_or_not_at_all"), ONE,
        "69 requests of a worker, 21 statements of the projection, each request of nine operations of the gateway, cut before and after each: 0 bad"),
    4: Figure("short chaos with real processes", (
        "test_kills_pauses_and_broken_wires_break_no_promise", "test_two_minutes_of_chaos_break_no_promise",
        "test_each_part_killed_in_turn_loses_nothing_on_three_servers"),
        ONE, "two minutes: 4,790 accepted, 4,790 completed, 64 faults, 61 of them on work under way (14 kills, 14 pauses, 10 "
        "cut wires, 12 held, 11 slow); 19,288 steps begun, 72 of them again; 0 bad; drained in 11 s", ""),
    5: Figure("long chaos", ("test_ten_minutes_of_chaos_break_no_promise",
                            "test_each_part_killed_in_turn_for_five_minutes_on_three_servers"), SLOW,
        "ten minutes: 19,390 accepted, 170 faults, 150 on work under way (40 kills, 30 pauses, 28 cut wires, 25 held, 27 slow), "
        "51 of 77,928 steps again, 0 invariants broken, drained in 44 s; 19,389 completed, and one failed as poison though nothing "
        "was wrong with it: mended, and run again, beside other load: 13,931 accepted, 13,931 completed, 159 faults, 119 on work under way "
        "(27 kills, 24 pauses, 24 cut wires, 24 held, 20 slow), 96 of 56,188 steps again, 0 broken, drained in 55 s",
        "on one server; on three kills alone; after it had passed, the second run's pytest ended with an error over sockets that the wires of the test had left open; those close what they open now, and the ten minutes were not run again"),
    6: Figure("the long chaos with five seeds", ("test_ten_minutes_of_chaos_break_no_promise",), "ONWARD_CHAOS_SEED=20261101 " + SLOW,
        "1 seed of 5 since the last mending (20261101): 0 broken", "four seeds"),
    7: Figure("zombies: paused for longer than their lease", (
        "test_torture_05_a_worker_paused_beyond_its_lease_can_write_nothing_afterwards",
        "test_200_executions_of_a_worker_paused_for_three_leases_take_nothing_from_it_afterwards",
        "test_a_zombie_that_wakes_up_writes_nothing", "test_a_zombie_cannot_write_line_501_twice"), ONE,
        "200 executions of a worker paused for 60 s, three leases: its 200 steps ended late, none of what it wrote then was accepted; all completed", ""),
    8: Figure("nats-server killed under submissions", (
        "test_a5_nothing_accepted_is_lost_or_doubled_by_kills_of_the_server",
        "test_every_accepted_submission_reaches_a_worker_over_kills_of_the_server"), ONE, "0 lost, 0 doubled"),
    9: Figure("fsync before the 202", (
        "test_services_make_streams_and_each_append_is_on_disk_before_its_ack", "test_a_lazy_fsync_is_refused_where_it_can_be_seen"),
        ONE, "each append is on disk before its ack; a lazy server is refused"),
    10: Figure("loss in the log is found and named", (
        "test_an_older_copy_of_the_streams_is_found_named_and_mended",
        "test_a_flipped_bit_in_a_block_is_found_named_and_mended",
        "test_what_comes_after_an_older_copy_of_the_log_was_put_back_is_projected", "test_verify_names_what_differs", "test_a_rebuild_mends_what_was_damaged",
        "test_v2_new_events_that_do_not_follow_are_reported",
        "test_what_was_open_when_the_log_was_deleted_is_named_and_mended", "test_what_was_open_when_events_was_deleted_is_brought_back_and_goes_on",
        "test_a_damaged_installation_is_verified_mended_and_rebuilt_by_commands", "test_each_loss_is_told_with_its_fix"), SLOW,
        "50 older copies and 20 flipped bits: each loss named to the event, each brought back from Postgres; the whole stream deleted with "
        "four open: told, mended, all four completed, no saved step again",
        "what Postgres had not projected yet is gone, and nobody can name it; indexes and metadata of the server are not damaged"),
    11: Figure("Postgres away", (
        "test_while_postgres_is_away_submissions_are_accepted_and_complete_and_reads_by_id_answer",
        "test_60_000_events_while_postgres_is_away_for_ten_minutes"), SLOW,
        "605 s away at 100 events a second: 12,000 of 12,000 submissions accepted, each read by id answered, all completed meanwhile; "
        "the tables had all 60,000 events 3.3 s after its return", ""),
    12: Figure("speed of the projection", ("test_a_rebuild_from_the_log_gives_an_equal_hash",),
               "python -m bench.rebuild --events 999999",
               "an empty Postgres catches up, fsync on, nice, beside other load: 99,999 events in 11.7 s (8,544 a second); 999,999 in 285 s "
               "(3,509 a second, with a load of 10 to 15 on two cores)", "measured by the benchmark, not held by a test; not on a quiet machine"),
    13: Figure("NATS away", (
        "test_while_nats_is_away_the_gateway_says_so_within_two_seconds_and_recovers_by_itself",
        "test_without_nats_every_answer_is_a_quick_503_and_it_recovers_by_itself",
        "test_1000_submissions_while_nats_is_away_for_a_minute"), SLOW,
        "60 s away: 1,000 of 1,000 submissions refused with 503 and Retry-After, half within 1.0 s, all within 1.7 s; workers went on 1.4 s "
        "after its return, what had slept 3.9 s; all 1,000 accepted afterwards under their keys, no step twice"),
    14: Figure("a full disk under the streams", (
        "test_a_full_disk_under_the_streams_is_a_quick_503_and_loses_nothing_that_was_accepted",
        "test_a6_a_full_store_refuses_and_keeps_what_it_has",
        "test_a6_what_runs_while_the_store_fills_up_ends_in_the_room_that_is_kept_for_it", "test_a_full_store_is_a_reason",
        "test_a_server_that_met_a_full_disk_is_started_anew_when_there_is_room"),
        SLOW, "five times full: refused with 503 and not ready after 1.9 s, back 0.2 s after there was room; 115 accepted, 115 completed", "the first test starts the server anew itself, as `onward up` does in the other one; Kubernetes asks the probe that tells, and no test has a cluster of it"),
    15: Figure("tables = fold of the log", (
        "test_j1_shuffled_doubled_events_give_equal_tables",
        "test_a_rebuild_from_the_log_gives_an_equal_hash", "test_a_rebuild_bears_answers_that_are_late",
        "test_an_older_postgres_catches_up_by_itself_and_equals_a_rebuild"), ONE,
        "equal hash, also of an older Postgres that has caught up; after a rebuild of 99,999 events `verify` finds 0 differences (40 s)"),
    16: Figure("read your writes", (
        "test_a_thousand_posts_are_each_followed_by_a_get_with_the_projector_paused_half_the_time",), SLOW,
        "10,000 posts beside other load, no 404; the read after each p99 12 ms with the projection at work, 11 ms with it paused",
        "that versions never fall is looked at under chaos, not here"),
    17: Figure("idempotency keys", (
        "test_twenty_equal_keys_at_once_make_one_execution", "test_the_same_idempotency_key_gives_the_same_execution_after_the_purge",
        "test_torture_18_a_gateway_that_dies_between_the_append_and_its_answer_makes_no_second_execution"), SLOW,
        "1,000 keys, twenty requests at once for each: 1,000 executions, another body is a 422", "one gateway, no restart within the run"),
    18: Figure("a cancel races the end", (
        "test_torture_08_a_cancel_that_races_completion_tells_both_callers_the_truth",
        "test_c1_after_a_cancel_no_step_begins_whatever_happens"), SLOW,
        "5,010 pairs: 2,986 completed and the cancel was refused, 2,024 cancelled; each caller was told how it ended", "in these pairs, what begins behind the cancel"),
    19: Figure("answers race", (
        "test_of_racing_answers_one_is_accepted_and_used_and_the_others_are_refused",
        "test_of_racing_answers_one_counts_and_every_event_counts_once_whoever_dies"), ONE),
    20: Figure("schedules over kills", (
        "test_each_tick_starts_one_execution_while_replicas_are_killed_for_a_minute",
        "test_each_tick_starts_one_execution_while_replicas_are_killed_for_ten_minutes"), SLOW,
        "50 schedules of 5 s, ten minutes, three replicas, one killed every 5 s, beside other load: 5,950 of 5,950 ticks started one "
        "execution each; late p50 0.29 s, p99 6.0 s", "clocks that differ by 90 s; two seconds at p99, which was asked for without kills"),
    21: Figure("cron and changes of clocks", (
        "test_torture_11_cron_fires_as_the_clocks_of_every_zone_say_around_each_change_from_2020_to_2030",), SLOW,
        "49 kinds of zones (all that change their clocks alike are one), six patterns: 4,734 windows of 72 hours, 0 differences", ""),
    22: Figure("keys of limits under kills", (
        "test_20_keys_and_2000_executions_under_kills_never_hold_more_than_they_may_and_leak_nothing",
        "test_20_keys_and_2000_executions_under_kills_of_processes_leak_nothing"), SLOW, "", "2,000 executions, not 5,000"),
    23: Figure("waits and retries over restarts", (
        "test_a_thousand_retries_over_restarts_of_everything_are_on_time_and_counted",
        "test_h5_what_is_due_is_given_directly_while_its_source_is_silent",
        "test_a_thousand_asleep_over_a_restart_of_everything_wake_in_time_and_none_early"), SLOW,
        "1,000 executions, each tried three times with delays of 1 to 120 s, over 13 restarts of everything, beside other load: 2,000 retries, "
        "none early, attempts exact; while all was there half started within 0.35 s of their time, 99 % within 4.6 s, all within 6.4 s",
        "two seconds for all: what is due right after a restart of NATS waits until its source is known to be silent"),
    24: Figure("what waits starves nobody", (
        "test_20_000_waiting_retries_delay_none_of_100_that_are_ready", "test_ten_thousand_asleep_cost_a_worker_nothing"), SLOW,
        "100 ready ones beside 20,000 that wait for another try: from submission to start p50 0.06 s, p99 0.08 s"),
    25: Figure("poison", (
        "test_h2_what_takes_down_every_worker_is_a_poison_and_its_log_says_so", "test_h2_who_runs_beside_a_poison_is_none",
        "test_a_poison_ends_as_one_and_those_beside_it_complete"), SLOW,
        "20 among 1,000 good ones, two workers of ten slots: 20 ended as poisons, 1,000 completed, 57 deaths of workers in 55 s (before "
        "docs/adr/0023 86 of the good ones ended as poisons)", "how long a worker is away: the test starts it again at once"),
    26: Figure("10,000 children, their parent's worker killed ten times", (
        "test_a_fan_out_of_10_000_survives_ten_deaths_of_its_parents_worker",), SLOW),
    27: Figure("logs over kills of the relay", (
        "test_50_readers_of_20_logs_over_ten_kills_of_the_relay_get_every_line_once",
        "test_readers_of_a_relay_that_is_killed_miss_nothing",
        "test_a_writer_stores_every_line_once_while_its_server_is_killed"), SLOW,
        "20 logs of 50,000 lines, 50 readers, 10 kills of the relay, 590 connections: each reader got each line once and in order, none "
        "dropped; from write to read p50 0.02 s, p99 0.80 s, at most 1.5 s, the kills included"),
    28: Figure("a flood of lines, 200 stalled readers", (
        "test_200_stalled_readers_of_a_flood_cost_no_memory_and_delay_nobody",
        "test_torture_13_a_log_flood_is_bounded_counted_and_slows_nobody_else"), SLOW,
        "1,000,000 lines, 200 stalled readers, beside other load: the relay's memory +60 MiB, all 200 closed with a code within 30 s of the "
        "last line, none dropped by the writer; another reader's delay p50 0.17 s, p99 1.7 s"),
    29: Figure("five times too much", ("test_overload_spares_the_routes_that_tell_of_it",), ONE, "",
               "refusals are shown, the p99 of what is accepted under it is not"),
    30: Figure("500 sockets come back at once", (
        "test_500_sockets_come_back_at_once_after_a_kill_of_the_relay_and_slow_nobody_down",), ONE,
        "25 kills beside other load: all back 0.6 to 2.7 s after the relay is ready; p99 of reads meanwhile 53 to 1,050 ms", "two of the 25 were above one second; the test asks the best of five"),
    31: Figure("old and new releases together", (
        "test_an_event_of_an_unknown_type_takes_its_place_and_changes_nothing_else",), ONE, "",
        "frozen messages are read, and unknown ones kept; two releases do not run together yet"),
    32: Figure("backup, restore, rebuild", (
        "test_a_rebuild_from_the_log_gives_an_equal_hash", "test_rebuild_and_verify_work_beside_the_running_service",
        "test_an_older_copy_of_the_streams_is_found_named_and_mended", "test_a_rebuild_keeps_what_the_log_has_lost",
        "test_an_older_postgres_catches_up_by_itself_and_equals_a_rebuild",
        "test_what_was_purged_since_an_older_postgres_is_named_and_the_rest_goes_on"), ONE,
        "rebuild, fsync on, nice, beside other load: 99,999 events in 26 s (3,825 a second), 999,999 in 221 s (4,532 a second)",
        "older copies of the streams and of Postgres are mended on small data; times are of `python -m bench.rebuild`, not held by a test"),
    33: Figure("an hour's soak"),
}  # fmt: skip

STRANGE = (
    Figure("any request of the OpenAPI document against a whole platform", (
        "test_any_request_gets_an_answer_that_the_document_names",
        "test_thirty_thousand_requests_get_answers_that_the_document_names"), ONE,
        "30,000 requests of our own making, run twice: no answer beside those of the document and the common refusals, no 5xx but 2 × 503; schemathesis, by hand: 6,403 requests, the same; the service completes work afterwards"),
    Figure("any event on any state, any mix and any bent event", (
        "test_any_event_on_any_state_is_legal_or_refused", "test_the_fold_of_any_mix_of_events_is_an_execution_or_a_broken_log",
        "test_a_log_with_a_bent_event_folds_or_is_a_broken_log", "test_a_carried_state_that_cannot_be_read_is_a_broken_log",
        "test_an_event_of_another_history_is_folded_or_refused_and_changes_nothing_else"), ONE, "0 other errors, fifty times the examples of a normal run"),
    Figure("any order and repetition of events gives the same tables", (
        "test_any_permutation_and_repetition_of_events_gives_the_same_rows",), ONE,
        "0 differences, fifty times the examples of a normal run"),
    Figure("any bytes as event, resource of CONFIG, chunk of lines, header, cursor, duration, traceparent", (
        "test_any_bytes_are_an_event_or_refused_and_an_event_can_be_written_again",
        "test_any_bytes_are_a_chunk_of_lines_or_refused",
        "test_deep_long_and_damaged_bytes_are_refused_by_the_one_error_that_followers_expect",
        "test_any_cursor_is_a_place_that_postgres_can_hold_or_refused", "test_any_text_is_a_duration_or_refused",
        "test_what_cannot_be_read_in_config_is_as_if_it_were_not_there",
        "test_any_header_block_has_a_status_and_its_numbers_are_numbers"), ONE, "0 other errors, fifty times the examples of a normal run"),
    Figure("what the server sends, cut anywhere or damaged", (
        "test_however_the_stream_is_cut_up_the_same_messages_are_heard",
        "test_a_message_of_an_impossible_size_ends_the_connection",
        "test_nothing_is_heard_behind_what_ended_the_connection"), ONE, "0 other errors, fifty times the examples of a normal run"),
    Figure("hints given back after every event, leases of a second, batches of one, two connections, nothing remembered", (
        "test_hints_given_back_after_every_event_run_no_step_twice",), "python dev.py test --hostile",
        "all 136 journeys of the default tier, beside other load, and 14 of the slow ones: no promise broken; two allowed the projection, and 10,000 who fall asleep, "
        "a minute, and now ask that neither stands still",
        "hints are given back where a test starts its own processes, not under `onward up` (pages, seed); ten minutes of chaos, 10,000,000 rows and five minutes of kills were not run so"),
)  # fmt: skip
