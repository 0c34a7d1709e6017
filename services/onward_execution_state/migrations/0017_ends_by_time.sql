-- Alert rules look back on a few minutes, every second. Ends come almost in order of time.

create index ends_by_time on ends using brin (at) with (pages_per_range = 16);
