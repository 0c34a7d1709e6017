-- Alert rules ask every second for the ticks that were missed lately.

create index schedule_ticks_missed on schedule_ticks (project, decided_at) where outcome in ('missed', 'refused');
