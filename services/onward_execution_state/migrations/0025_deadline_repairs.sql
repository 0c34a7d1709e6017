-- A deadline whose timer was lost is repaired as well.

alter table repairs drop constraint repairs_have_a_kind;
alter table repairs add constraint repairs_have_a_kind
    check (kind in ('hint_again', 'timer_again', 'deadline_again', 'owner_lost'));
