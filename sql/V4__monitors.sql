-- Monitors: what people ask to be told about items, what was raised, and how it gets to them. Who decides what is raised,
-- and why from the log and not in the writer's transaction, is told in ARCHITECTURE.md, "What monitors raise".
--
-- Nothing that statements of the releases before name is changed, but for the scopes that a key may have. Writers of items
-- pay nothing: no trigger of theirs is touched. Rows of the log get new kinds of resources, which notifiers of the releases
-- before publish nowhere. Upgrade hubs, then notifiers, then inventory-apis.

create table channels (
  id bigint generated always as identity,
  tenant_id bigint not null,
  name text not null,
  kind text not null,
  recipients text[] not null default '{}',
  url text,
  secret_seed bytea,
  previous_seed bytea,
  seed_changed_at timestamptz,
  enabled boolean not null default true,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint channels_pkey primary key (id),
  constraint channels_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint channels_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint channels_kind_known check (kind in ('email', 'webhook')),
  constraint channels_email_whole check (kind <> 'email' or cardinality(recipients) between 1 and 20),
  constraint channels_webhook_whole check (kind <> 'webhook' or (url is not null and secret_seed is not null)),
  constraint channels_url_form check (char_length(url) between 1 and 2000)
);
create index channels_by_tenant on channels (tenant_id, id);
comment on table channels is 'Ways besides the live stream in which notifications get to people and programs.';
comment on column channels.id is 'Given by the database.';
comment on column channels.tenant_id is 'Whose.';
comment on column channels.name is 'What people call it: 1 to 200 characters, trimmed.';
comment on column channels.kind is 'email or webhook.';
comment on column channels.recipients is 'E-mail addresses, 1 to 20; none for a webhook.';
comment on column channels.url is 'Where a webhook is posted to.';
comment on column channels.secret_seed is 'Random bytes from which the secret that signs a webhook is derived, with a key that is not in the database.';
comment on column channels.previous_seed is 'The one before, which signs too for a day after it was replaced.';
comment on column channels.seed_changed_at is 'When it was replaced.';
comment on column channels.enabled is 'Whether anything is sent.';
comment on column channels.version is 'Counts the states: set by a trigger.';
comment on column channels.created_at is 'When it was made.';
comment on column channels.updated_at is 'When it was last changed: set by a trigger.';

create table monitors (
  id bigint generated always as identity,
  tenant_id bigint not null,
  name text not null,
  built_in text,
  scope jsonb not null,
  measure text not null,
  condition jsonb not null,
  hysteresis numeric(24, 4) not null default 0,
  notify_existing boolean not null default false,
  severity text not null default 'warning',
  message text,
  cooldown_seconds integer not null default 0,
  schedule jsonb,
  channels bigint[] not null default '{}',
  state text not null default 'running',
  version bigint not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint monitors_pkey primary key (id),
  constraint monitors_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint monitors_built_in_unique unique (tenant_id, built_in),
  constraint monitors_built_in_known check (built_in = 'reorder_point'),
  constraint monitors_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint monitors_scope_form check (jsonb_typeof(scope) = 'object' and octet_length(scope::text) <= 4096),
  constraint monitors_measure_known check (measure in ('quantity', 'price')),
  constraint monitors_condition_form
    check (jsonb_typeof(condition) = 'object' and octet_length(condition::text) <= 4096),
  constraint monitors_hysteresis_range check (hysteresis between 0 and 9007199254740991),
  constraint monitors_severity_known check (severity in ('info', 'warning', 'critical')),
  constraint monitors_message_form check (char_length(message) between 1 and 1000),
  constraint monitors_cooldown_range check (cooldown_seconds between 0 and 31536000),
  constraint monitors_schedule_form
    check (jsonb_typeof(schedule) = 'object' and octet_length(schedule::text) <= 4096),
  constraint monitors_channels_bounded check (cardinality(channels) <= 20),
  constraint monitors_state_known check (state in ('running', 'paused', 'stopped'))
);
create index monitors_by_tenant on monitors (tenant_id, id);
create index monitors_by_item on monitors ((scope ->> 'item_id')) where scope ->> 'kind' = 'item';
comment on table monitors is 'What people ask to be told. Captured into the log, from where it begins to count.';
comment on column monitors.id is 'Given by the database.';
comment on column monitors.tenant_id is 'Whose; never changed.';
comment on column monitors.name is 'What people call it: 1 to 200 characters, trimmed.';
comment on column monitors.built_in is 'reorder_point for the one that every tenant has; null for all others.';
comment on column monitors.scope is 'Which items: {"kind":"item","item_id":7}, {"kind":"all"}, {"kind":"sku_prefix","prefix":"B-"} or {"kind":"attribute","name":"colour","value":"red"}.';
comment on column monitors.measure is 'What is looked at: quantity or price.';
comment on column monitors.condition is 'When it is met, such as {"kind":"below","threshold":10}.';
comment on column monitors.hysteresis is 'How far a value must come back before the condition can be met anew: in the measure''s unit, or in percentage points.';
comment on column monitors.notify_existing is 'Whether items that meet the condition when it starts are told of, too.';
comment on column monitors.severity is 'info, warning or critical.';
comment on column monitors.message is 'Template of the message; null for the usual words.';
comment on column monitors.cooldown_seconds is 'At least so long lies between two notifications about one item: 0 to a year.';
comment on column monitors.schedule is 'When it may notify, such as {"time_zone":"Europe/Berlin","weekdays":["monday"],"from":"08:00","until":"18:00"}; null for always.';
comment on column monitors.channels is 'Channels that are told besides the live stream, at most 20.';
comment on column monitors.state is 'running; paused: sees nothing, and remembers what it knew; stopped: has forgotten it.';
comment on column monitors.version is 'Counts the states: set by a trigger.';
comment on column monitors.created_by is 'Who made it, as actor.';
comment on column monitors.created_at is 'When it was made.';
comment on column monitors.updated_at is 'When it was last changed: set by a trigger.';

-- What the evaluation has got to. All four are written by it only, in one transaction with what it raises.
create table monitor_cursor (
  singleton boolean not null default true,
  position bigint not null,
  term bigint not null default 0,
  seen_at timestamptz not null default now(),
  constraint monitor_cursor_pkey primary key (singleton),
  constraint monitor_cursor_one_row check (singleton)
) with (fillfactor = 10);
comment on table monitor_cursor is 'One row: how far the log was looked through for monitors. What lies behind it is not deleted.';
comment on column monitor_cursor.singleton is 'Always true: there is one row.';
comment on column monitor_cursor.position is 'Everything up to here was looked at, once.';
comment on column monitor_cursor.term is 'Counts who has taken it over: whoever did before writes nothing any more.';
comment on column monitor_cursor.seen_at is 'When that was.';
insert into monitor_cursor (position) select last from sequencer;

create table watched_monitors (
  monitor_id bigint not null,
  tenant_id bigint not null,
  document jsonb not null,
  since_position bigint not null,
  since_at timestamptz not null,
  constraint watched_monitors_pkey primary key (monitor_id)
);
comment on table watched_monitors is 'The running monitors as they were at monitor_cursor.position.';
comment on column watched_monitors.monitor_id is 'Which.';
comment on column watched_monitors.tenant_id is 'Whose.';
comment on column watched_monitors.document is 'Its document at that position.';
comment on column watched_monitors.since_position is 'It sees what lies behind this position.';
comment on column watched_monitors.since_at is 'When that was.';

create table monitor_states (
  monitor_id bigint not null,
  item_id bigint not null,
  position bigint not null,
  raised boolean not null default false,
  fired_at timestamptz,
  fired_count bigint not null default 0,
  base numeric(24, 4),
  samples jsonb,
  held_back jsonb,
  due_at timestamptz,
  awaited boolean not null default false,
  constraint monitor_states_pkey primary key (monitor_id, item_id)
) with (fillfactor = 70);
create index monitor_states_by_due on monitor_states (due_at) where due_at is not null;
create index monitor_states_raised on monitor_states (monitor_id) where raised;
comment on table monitor_states is 'What a monitor remembers of an item, where there is something to remember.';
comment on column monitor_states.monitor_id is 'Which monitor.';
comment on column monitor_states.item_id is 'Which item.';
comment on column monitor_states.position is 'The last change that was judged.';
comment on column monitor_states.raised is 'Whether the condition is met, and hasn''t been left by the hysteresis since.';
comment on column monitor_states.fired_at is 'The time of the last crossing that was told, for the cooldown.';
comment on column monitor_states.fired_count is 'How many were told.';
comment on column monitor_states.base is 'What percentages are reckoned from, where the monitor names no base.';
comment on column monitor_states.samples is 'Values within the window, with the times until which they held: [["2026-11-22T08:30:00Z","12.5"]].';
comment on column monitor_states.held_back is 'A crossing that waits for the end of the cooldown or the beginning of the schedule.';
comment on column monitor_states.due_at is 'When to look again without a change: the end of stillness, or of what holds a crossing back.';
comment on column monitor_states.awaited is 'Whether the item had changed already when the monitor took notice of it: its first change tells how it was where the monitor starts.';

create table notifications (
  id bigint generated always as identity,
  tenant_id bigint not null,
  monitor_id bigint not null,
  monitor_name text not null,
  item_id bigint not null,
  item_sku text,
  item_name text not null,
  severity text not null,
  measure text not null,
  condition jsonb not null,
  value numeric(24, 4),
  previous_value numeric(24, 4),
  threshold numeric(24, 4),
  reference numeric(24, 4),
  message text not null,
  change_position bigint not null,
  change_at timestamptz not null,
  muted boolean not null default false,
  acknowledged_at timestamptz,
  acknowledged_by text,
  note text,
  version bigint not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  constraint notifications_pkey primary key (id),
  constraint notifications_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint notifications_once unique (monitor_id, item_id, change_position),
  constraint notifications_acknowledged_whole check ((acknowledged_at is null) = (acknowledged_by is null)),
  constraint notifications_note_form check (char_length(note) between 1 and 2000)
);
create index notifications_by_tenant on notifications (tenant_id, id);
create index notifications_by_monitor on notifications (monitor_id, id);
create index notifications_by_item on notifications (item_id, id);
create index notifications_by_time on notifications (created_at);
-- What is still open is counted often, and little of all there is.
create index notifications_open on notifications (tenant_id, id) where acknowledged_at is null and not muted;
comment on table notifications is 'What monitors raised. Captured into the log, as the topics notifications and monitors:{id}.';
comment on column notifications.id is 'Given by the database.';
comment on column notifications.tenant_id is 'Whose.';
comment on column notifications.monitor_id is 'Which monitor; it may be gone.';
comment on column notifications.monitor_name is 'Its name at that time.';
comment on column notifications.item_id is 'Which item; it may be gone.';
comment on column notifications.item_sku is 'Its sku at that time.';
comment on column notifications.item_name is 'Its name at that time.';
comment on column notifications.severity is 'info, warning or critical.';
comment on column notifications.measure is 'quantity or price.';
comment on column notifications.condition is 'The monitor''s condition at that time.';
comment on column notifications.value is 'The value that met it.';
comment on column notifications.previous_value is 'The value before; null if there was none.';
comment on column notifications.threshold is 'What the value was compared with; null for unchanged_for.';
comment on column notifications.reference is 'What a percentage was reckoned from.';
comment on column notifications.message is 'In words.';
comment on column notifications.change_position is 'The change that did it; for unchanged_for the last one, or where the monitor started.';
comment on column notifications.change_at is 'When that change was made.';
comment on column notifications.muted is 'Whether it was muted when it was raised: then no channel was told.';
comment on column notifications.acknowledged_at is 'When someone said that they see to it.';
comment on column notifications.acknowledged_by is 'Who.';
comment on column notifications.note is 'What they said: at most 2,000 characters.';
comment on column notifications.version is 'Counts the states: set by a trigger.';
comment on column notifications.created_at is 'When it was raised: after change_at if it was held back.';

create table notification_reads (
  actor text not null,
  notification_id bigint not null,
  is_read boolean not null default true,
  constraint notification_reads_pkey primary key (actor, notification_id),
  constraint notification_reads_notification_fkey
    foreign key (notification_id) references notifications (id) on delete cascade
);
create index notification_reads_by_notification on notification_reads (notification_id);
create index notification_reads_unread on notification_reads (actor, notification_id) where not is_read;
comment on table notification_reads is 'What somebody said of single notifications. Of all others the mark in notification_marks tells, and that muted ones are born read.';
comment on column notification_reads.actor is 'Who: user:<id> or key:<id>.';
comment on column notification_reads.notification_id is 'What.';
comment on column notification_reads.is_read is 'Whether they have read it, or want to see it as unread.';

create table notification_marks (
  tenant_id bigint not null,
  actor text not null,
  read_up_to bigint not null,
  constraint notification_marks_pkey primary key (tenant_id, actor),
  constraint notification_marks_tenant_fkey foreign key (tenant_id) references tenants (id)
);
comment on table notification_marks is 'Up to which notification somebody has read everything.';
comment on column notification_marks.tenant_id is 'Whose.';
comment on column notification_marks.actor is 'Who: user:<id> or key:<id>.';
comment on column notification_marks.read_up_to is 'The last one that was there when everything was marked as read.';

create table mutes (
  id bigint generated always as identity,
  tenant_id bigint not null,
  monitor_id bigint,
  item_id bigint,
  until timestamptz,
  note text,
  created_by text not null,
  created_at timestamptz not null default now(),
  constraint mutes_pkey primary key (id),
  constraint mutes_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint mutes_monitor_fkey foreign key (monitor_id) references monitors (id) on delete cascade,
  constraint mutes_of_something check (monitor_id is not null or item_id is not null),
  constraint mutes_note_form check (char_length(note) between 1 and 2000)
);
create index mutes_by_tenant on mutes (tenant_id, id);
comment on table mutes is 'What nobody wants to hear for a while: it is raised and kept, but read already, and no channel is told.';
comment on column mutes.id is 'Given by the database.';
comment on column mutes.tenant_id is 'Whose.';
comment on column mutes.monitor_id is 'Of this monitor; of any if null.';
comment on column mutes.item_id is 'About this item; about any if null.';
comment on column mutes.until is 'When it ends by itself, if it does.';
comment on column mutes.note is 'Why: at most 2,000 characters.';
comment on column mutes.created_by is 'Who made it, as actor.';
comment on column mutes.created_at is 'When it was made.';

create table deliveries (
  id bigint generated always as identity,
  tenant_id bigint not null,
  notification_id bigint not null,
  channel_id bigint not null,
  state text not null default 'pending',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  taken_until timestamptz,
  last_attempt_at timestamptz,
  last_error text,
  delivered_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint deliveries_pkey primary key (id),
  constraint deliveries_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint deliveries_notification_fkey
    foreign key (notification_id) references notifications (id) on delete cascade,
  constraint deliveries_channel_fkey foreign key (channel_id) references channels (id) on delete cascade,
  constraint deliveries_once unique (notification_id, channel_id),
  constraint deliveries_state_known check (state in ('pending', 'delivered', 'dead'))
) with (fillfactor = 80);
create index deliveries_due on deliveries (next_attempt_at) where state = 'pending';
create index deliveries_due_by_channel on deliveries (channel_id, next_attempt_at) where state = 'pending';
create index deliveries_delivered on deliveries (delivered_at) where state = 'delivered';
create index deliveries_dead on deliveries (tenant_id, id) where state = 'dead';
create index deliveries_by_tenant on deliveries (tenant_id, id);
create index deliveries_by_channel on deliveries (channel_id, id);
comment on table deliveries is 'What is to be sent, was sent, or could not be: one for each notification and channel.';
comment on column deliveries.id is 'Given by the database.';
comment on column deliveries.tenant_id is 'Whose.';
comment on column deliveries.notification_id is 'What.';
comment on column deliveries.channel_id is 'Where to.';
comment on column deliveries.state is 'pending, delivered, or dead: given up.';
comment on column deliveries.attempts is 'How often it was tried since it was queued, or since somebody asked for it to be tried again.';
comment on column deliveries.next_attempt_at is 'When it is tried next. Whoever tries moves it on first, so that nobody else does.';
comment on column deliveries.taken_until is 'While it is tried: until when nobody else takes it. Whoever took it knows it by this time, so who comes too late says nothing.';
comment on column deliveries.last_attempt_at is 'When it was last tried.';
comment on column deliveries.last_error is 'Why that failed.';
comment on column deliveries.delivered_at is 'When the other side had taken it.';
comment on column deliveries.created_at is 'When the notification was raised.';

create function ring_for_deliveries() returns trigger
language plpgsql as $$
begin
  perform pg_notify('stockwire_deliveries', '');
  return null;
end;
$$;
comment on function ring_for_deliveries() is 'Wakes those who send notifications through channels.';
create trigger deliveries_ring after insert on deliveries
  for each statement execute function ring_for_deliveries();

-- Programs may be trusted with monitors. Few rows, so the check takes no time.
alter table api_keys drop constraint api_keys_scopes_known, add constraint api_keys_scopes_known
  check (cardinality(scopes) >= 1 and scopes <@ array['read', 'stock', 'items', 'monitors']);
comment on column api_keys.scopes is 'What it may do: read, stock, items, monitors.';

create function utc_text(moment timestamptz) returns text
language sql stable parallel safe
return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function utc_text(timestamptz) is 'A time as documents show it: RFC 3339, UTC, microseconds.';

-- Quantities are numbers and prices are strings, as in an item's document.
create function measured(measure text, value numeric) returns json
language sql immutable parallel safe
return case measure when 'quantity' then to_json(trim_scale(value)) else to_json(value::text) end;
comment on function measured(text, numeric) is 'A value of a measure, as documents show it.';

create type monitor_view as (
  id bigint, name text, built_in text, scope jsonb, measure text, condition jsonb, hysteresis json,
  notify_existing boolean, severity text, message text, cooldown_seconds integer, schedule jsonb, channels bigint[],
  state text, version bigint, created_by text, created_at text, updated_at text
);
comment on type monitor_view is 'The fields of a monitor''s document, in their order.';

create function monitor_document(monitor monitors) returns json
language sql stable parallel safe
return row_to_json(row(
  (monitor).id, (monitor).name, (monitor).built_in, (monitor).scope, (monitor).measure, (monitor).condition,
  case
    when (monitor).condition ->> 'kind' in ('rises_by', 'falls_by') then to_json(trim_scale((monitor).hysteresis)::text)
    else measured((monitor).measure, (monitor).hysteresis)
  end,
  (monitor).notify_existing, (monitor).severity, (monitor).message, (monitor).cooldown_seconds, (monitor).schedule,
  (monitor).channels, (monitor).state, (monitor).version, (monitor).created_by, utc_text((monitor).created_at),
  utc_text((monitor).updated_at)
)::monitor_view);
comment on function monitor_document(monitors) is 'A monitor as every reader sees it.';

create type notification_view as (
  id bigint, monitor_id bigint, monitor_name text, item_id bigint, item_sku text, item_name text, severity text,
  measure text, condition jsonb, value json, previous_value json, threshold json, reference json, message text,
  change_position bigint, change_at text, muted boolean, acknowledged_at text, acknowledged_by text, note text,
  version bigint, created_at text
);
comment on type notification_view is 'The fields of a notification''s document, in their order.';

create function notification_document(notification notifications) returns json
language sql stable parallel safe
return row_to_json(row(
  (notification).id, (notification).monitor_id, (notification).monitor_name, (notification).item_id,
  (notification).item_sku, (notification).item_name, (notification).severity, (notification).measure,
  (notification).condition, measured((notification).measure, (notification).value),
  measured((notification).measure, (notification).previous_value),
  measured((notification).measure, (notification).threshold),
  measured((notification).measure, (notification).reference), (notification).message,
  (notification).change_position, utc_text((notification).change_at), (notification).muted,
  utc_text((notification).acknowledged_at), (notification).acknowledged_by, (notification).note,
  (notification).version, utc_text((notification).created_at)
)::notification_view);
comment on function notification_document(notifications) is 'A notification as every reader sees it.';

create function document_difference(was json, now json) returns json
language sql immutable parallel safe
return (
  select ('{' || coalesce(string_agg(to_json(old.key) || ':' || old.value::text, ','), '') || '}')::json
  from json_each(was) as old join json_each(now) as new on new.key = old.key
  where old.value::text <> new.value::text and old.key not in ('version', 'updated_at')
);
comment on function document_difference(json, json) is 'The old values of the fields that differ, version and updated_at aside.';

create function note_change(tenant bigint, kind text, row_id bigint, operation text, counted bigint, document json, before json)
returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changes (tenant_id, resource, resource_id, op, version, data, previous, actor, reason, request_id)
  values (tenant, kind, row_id, operation, counted, document, before, writer_actor(),
    left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200));
  perform ring_for_changes();
end;
$$;
comment on function note_change(bigint, text, bigint, text, bigint, json, json) is 'Writes a change of a row that is no item.';
revoke execute on function note_change(bigint, text, bigint, text, bigint, json, json) from public;

-- For any table with a version and the time of its last change. What the arguments name is as fixed as id, tenant and
-- creation are.
create function count_version() returns trigger
language plpgsql as $$
declare
  fixed constant text[] := array['id', 'tenant_id', 'created_at'] || coalesce(tg_argv, '{}');
begin
  if exists (
    select from unnest(fixed) as field where to_jsonb(new) -> field is distinct from to_jsonb(old) -> field
  ) then
    raise exception '% of a row of % can''t be changed', array_to_string(fixed, ', '), tg_table_name
      using errcode = 'integrity_constraint_violation', constraint = tg_table_name || '_identity_fixed';
  end if;
  new.version := old.version;
  new.updated_at := old.updated_at;
  if new is distinct from old then
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
  end if;
  return new;
end;
$$;
comment on function count_version() is 'Counts the version and keeps the identity, for any writer.';
create trigger monitors_before_update before update on monitors
  for each row when (old.* is distinct from new.*) execute function count_version('built_in');

create function capture_monitors() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform note_change(new.tenant_id, 'monitor', new.id, 'create', new.version, monitor_document(new), null);
  elsif tg_op = 'DELETE' then
    perform note_change(old.tenant_id, 'monitor', old.id, 'delete', old.version + 1, null, monitor_document(old));
  elsif new.version <> old.version then
    perform note_change(new.tenant_id, 'monitor', new.id, 'update', new.version, monitor_document(new),
      document_difference(monitor_document(old), monitor_document(new)));
  end if;
  return null;
end;
$$;
comment on function capture_monitors() is 'Writes a change for each monitor that is made, changed or deleted, by which it begins to count or ends.';

-- The monitor that every tenant has. Of those that are there already nothing is written into the log: it begins to count
-- where the log ends now.
create function add_built_in_monitors(tenant bigint) returns void
language sql
begin atomic
  insert into monitors (tenant_id, name, built_in, scope, measure, condition, created_by)
  values (tenant, 'At the reorder point', 'reorder_point', '{"kind":"all"}', 'quantity', '{"kind":"at_reorder_point"}',
    writer_actor());
end;
comment on function add_built_in_monitors(bigint) is 'Gives a tenant the monitors that every tenant has.';
select add_built_in_monitors(id) from tenants;
insert into watched_monitors (monitor_id, tenant_id, document, since_position, since_at)
select monitors.id, monitors.tenant_id, monitor_document(monitors), monitor_cursor.position, now()
from monitors cross join monitor_cursor;

create trigger monitors_capture after insert or update or delete on monitors
  for each row execute function capture_monitors();

create function tenant_after_insert() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform add_built_in_monitors(new.id);
  return null;
end;
$$;
comment on function tenant_after_insert() is 'A new tenant has the built-in monitors, too.';
create trigger tenants_after_insert after insert on tenants
  for each row execute function tenant_after_insert();

create function notification_before_update() returns trigger
language plpgsql as $$
begin
  new.version := old.version;
  if new is distinct from old then
    new.version := old.version + 1;
  end if;
  return new;
end;
$$;
comment on function notification_before_update() is 'Counts the version, for any writer.';
create trigger notifications_before_update before update on notifications
  for each row when (old.* is distinct from new.*) execute function notification_before_update();

-- What is too old is deleted without a word: nobody is told that something has become old.
create function capture_notifications() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform note_change(new.tenant_id, 'notification', new.id, 'create', new.version, notification_document(new), null);
  elsif new.version <> old.version then
    perform note_change(new.tenant_id, 'notification', new.id, 'update', new.version, notification_document(new),
      document_difference(notification_document(old), notification_document(new)));
  end if;
  return null;
end;
$$;
comment on function capture_notifications() is 'Writes a change for each notification that is raised or changed.';
create trigger notifications_capture after insert or update on notifications
  for each row execute function capture_notifications();

create trigger channels_before_update before update on channels
  for each row when (old.* is distinct from new.*) execute function count_version('kind');

-- Where stock is told of is as sensitive as who may read it.
create function channel_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform note_audit(coalesce(new.tenant_id, old.tenant_id),
    case tg_op when 'INSERT' then 'channel_created' when 'UPDATE' then 'channel_changed' else 'channel_deleted' end,
    'channel:' || coalesce(new.id, old.id),
    json_build_object('name', coalesce(new.name, old.name), 'kind', coalesce(new.kind, old.kind)));
  return null;
end;
$$;
comment on function channel_after_change() is 'Writes the audit trail of channels.';
create trigger channels_after_change after insert or update or delete on channels
  for each row execute function channel_after_change();

revoke execute on function capture_monitors(), capture_notifications(), tenant_after_insert(), channel_after_change(),
  add_built_in_monitors(bigint) from public;
