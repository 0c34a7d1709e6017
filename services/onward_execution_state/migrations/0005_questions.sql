-- What executions ask people: one row for each question ever asked, folded from the same events in the same transaction.
-- Questions that were asked before this table was made come into it with `onward admin rebuild`.

create table questions (
    execution_id uuid        not null,
    -- The n of the event that asked: an id of a question may come again in a later life of its execution.
    n            integer     not null,
    -- The n of the last event that changed it.
    version      integer     not null,
    project      text        not null,
    task         text        not null,
    question_id  text        not null,
    status       text        not null,
    -- A person's name, or team:<name>.
    asked_of     text,
    asked_at     timestamptz not null,
    remind_at    timestamptz,
    reminded     integer     not null,
    -- The JSON of contract.QuestionView: what readers are shown.
    body         bytea       not null,
    primary key (execution_id, n),
    constraint questions_have_one_of_four_statuses check (status in ('open', 'answered', 'expired', 'withdrawn')),
    constraint questions_are_versioned_from_their_beginning check (n >= 1 and version >= n),
    constraint questions_are_reminded_of_while_open check (remind_at is null or status = 'open')
)
with (fillfactor = 75);

create index questions_newest on questions (project, asked_at desc, execution_id desc, n desc);
create index questions_open on questions (project, asked_at desc, execution_id desc, n desc) where status = 'open';
create index questions_to_remind_of on questions (remind_at) where remind_at is not null;
