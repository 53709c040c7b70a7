-- Where the log begins once old entries are deleted, and who still reads the old ones. Why entries are deleted in
-- batches and the tables not partitioned is told in ARCHITECTURE.md, "Old entries go in batches".
--
-- On a large database this takes milliseconds and rewrites nothing. The two new tables lock nothing that is there. The
-- storage parameters take a SHARE UPDATE EXCLUSIVE lock on `changes` and `change_log`: it holds up neither readers nor
-- writers nor the sequencer. It waits for a VACUUM or an index build that runs on the same table (an ordinary
-- autovacuum gives way by itself), and nobody but the next VACUUM queues behind it.
--
-- Services of the first release go on while this is applied, and after it: it changes none of the tables, columns,
-- triggers and functions that their statements name. They know nothing of holds, so a hub that reads from one of their
-- notifiers may meet the end of what is kept, and is told `reset`. They delete nothing while they lead. Their pull
-- feed would leave out in silence what is gone, so retention.days is for when the last of them has stopped. One that is
-- started anew refuses this schema, unless its database.migrate is false.

create table log_start (
  singleton boolean not null default true,
  first bigint not null,
  constraint log_start_pkey primary key (singleton),
  constraint log_start_one_row check (singleton)
) with (fillfactor = 10);
comment on table log_start is 'One row: where the log begins. Apart from the sequencer''s row, so that deleting never waits for a step nor a step for deleting.';
comment on column log_start.singleton is 'Always true: there is one row.';
comment on column log_start.first is 'The oldest position that is kept; one past the newest if none is. Kept here because min(position) walks over all that was deleted since the last VACUUM.';
-- Of one moment: a step that commits meanwhile is seen in both tables or in neither.
insert into log_start (first)
select coalesce((select min(position) from change_log), sequencer.last + 1) from sequencer;

create table log_holds (
  holder uuid not null,
  position bigint not null,
  expires_at timestamptz not null,
  constraint log_holds_pkey primary key (holder)
);
comment on table log_holds is 'Notifiers with a hub that still reads old entries: what lies behind the position is not deleted. Few rows, and none while all hubs are fed from memory.';
comment on column log_holds.holder is 'Which notifier: made anew at each start.';
comment on column log_holds.position is 'The position that its slowest such hub has reached.';
comment on column log_holds.expires_at is 'The notifier says it again before; one that is gone holds nothing for longer.';

-- A fifth of a large table (the default) is far too many dead rows where deleting never ends. Every vacuum reads all
-- indexes, so it isn't worth its while for a few rows either.
alter table changes set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000,
  toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 10000
);
alter table change_log set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);
