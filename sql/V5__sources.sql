-- Data sources: prices and quantities that come from elsewhere, pulled on a schedule or pushed to us. How they are read
-- and which of several sources counts is told in ARCHITECTURE.md, "Where values come from".
--
-- Nothing that statements of the releases before name is changed. Writers of items pay nothing: no trigger and no foreign
-- key hangs on items, and what a source changes is written as anybody else writes it.

create table sources (
  id bigint generated always as identity,
  tenant_id bigint not null,
  name text not null,
  kind text not null,
  format text not null,
  url text,
  header_name text,
  sealed_header bytea,
  interval_seconds integer,
  timeout_seconds integer not null default 30,
  mapping jsonb not null,
  max_change_percent numeric(9, 4),
  priority integer not null default 100,
  fresh_for_seconds integer not null,
  enabled boolean not null default true,
  version bigint not null default 1,
  created_by text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint sources_pkey primary key (id),
  constraint sources_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint sources_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint sources_kind_known check (kind in ('pull', 'push')),
  constraint sources_format_known check (format in ('json', 'csv')),
  constraint sources_pull_whole check ((kind = 'pull') = (url is not null) and (kind = 'pull') = (interval_seconds is not null)),
  constraint sources_header_whole check ((header_name is null) = (sealed_header is null)),
  constraint sources_header_pulled check (header_name is null or kind = 'pull'),
  constraint sources_url_form check (char_length(url) between 1 and 2000),
  constraint sources_interval_range check (interval_seconds between 1 and 604800),
  constraint sources_timeout_range check (timeout_seconds between 1 and 300),
  constraint sources_mapping_form check (jsonb_typeof(mapping) = 'object' and octet_length(mapping::text) <= 8192),
  constraint sources_max_change_range check (max_change_percent > 0),
  constraint sources_priority_range check (priority between 0 and 1000),
  constraint sources_fresh_range check (fresh_for_seconds between 1 and 2592000)
);
create index sources_by_tenant on sources (tenant_id, id);
comment on table sources is 'Where prices and quantities come from.';
comment on column sources.id is 'Given by the database; source:<id> is the actor of what it changes.';
comment on column sources.tenant_id is 'Whose; never changed.';
comment on column sources.name is 'What people call it: 1 to 200 characters, trimmed. The reason of what it changes.';
comment on column sources.kind is 'pull: read on a schedule; push: others send rows. Never changed.';
comment on column sources.format is 'json or csv.';
comment on column sources.url is 'Where a pulled one is read.';
comment on column sources.header_name is 'A header that is sent along, such as authorization.';
comment on column sources.sealed_header is 'Its value, encrypted with a key that is not in the database.';
comment on column sources.interval_seconds is 'From the beginning of a run to that of the next: 1 second to a week.';
comment on column sources.timeout_seconds is 'A run that takes longer has failed.';
comment on column sources.mapping is 'Where rows and fields are, such as {"rows":"/prices","item":{"field":"sku","match":"sku"},"price":"price"}.';
comment on column sources.max_change_percent is 'A price that differs by more from the item''s is not believed; null believes all.';
comment on column sources.priority is 'The lower number counts where several give a value of one item; of equals, the lower id.';
comment on column sources.fresh_for_seconds is 'For so long a value that it gave keeps worse sources'' values out.';
comment on column sources.enabled is 'Whether it runs, or takes rows.';
comment on column sources.version is 'Counts the definitions: set by a trigger.';
comment on column sources.created_by is 'Who made it, as actor.';
comment on column sources.created_at is 'When it was made.';
comment on column sources.updated_at is 'When its definition was last changed: set by a trigger.';

-- Apart from the definition, whose version and time are not those of runs.
create table source_runs (
  source_id bigint not null,
  next_run_at timestamptz,
  holder uuid,
  lease_until timestamptz,
  last_attempt_at timestamptz,
  last_success_at timestamptz,
  consecutive_failures integer not null default 0,
  breaker text not null default 'closed',
  last_error text,
  report jsonb,
  etag text,
  last_modified text,
  read_whole_at timestamptz,
  newest_item bigint,
  constraint source_runs_pkey primary key (source_id),
  constraint source_runs_source_fkey foreign key (source_id) references sources (id) on delete cascade,
  constraint source_runs_breaker_known check (breaker in ('closed', 'open', 'half_open')),
  constraint source_runs_lease_whole check ((holder is null) = (lease_until is null))
) with (fillfactor = 50);
comment on table source_runs is 'How it went, and who is at it: one row for each source, made by a trigger.';
comment on column source_runs.source_id is 'Which.';
comment on column source_runs.next_run_at is 'When it is due; null for one that is pushed to.';
comment on column source_runs.holder is 'Which process runs it now. Whoever is no longer named here stops, and writes nothing more.';
comment on column source_runs.lease_until is 'The holder says again before that it is alive; else another one takes over.';
comment on column source_runs.last_attempt_at is 'When it last ran, or rows last came.';
comment on column source_runs.last_success_at is 'When that last went well.';
comment on column source_runs.consecutive_failures is 'How often it failed since.';
comment on column source_runs.breaker is 'closed; open after five failures in a row; half_open while one try is under way.';
comment on column source_runs.last_error is 'Why it last failed; null after a success.';
comment on column source_runs.report is 'What became of the rows of the last run that went well.';
comment on column source_runs.etag is 'ETag of the last answer that was read whole.';
comment on column source_runs.last_modified is 'Last-Modified of that answer.';
comment on column source_runs.read_whole_at is 'When that was: now and then it is read whole again, whatever the other side says.';
comment on column source_runs.newest_item is 'The tenant''s newest item then: values for one that came later may be in what is unchanged.';

-- No foreign key to items: it would be a trigger of theirs. What is left of items that are gone becomes old.
create table source_values (
  item_id bigint not null,
  measure text not null,
  source_id bigint not null,
  value numeric(24, 4) not null,
  at timestamptz not null,
  constraint source_values_pkey primary key (item_id, measure, source_id),
  constraint source_values_source_fkey foreign key (source_id) references sources (id) on delete cascade,
  constraint source_values_measure_known check (measure in ('quantity', 'price'))
) with (fillfactor = 70);
create index source_values_by_source on source_values (source_id, item_id);
comment on table source_values is 'What each source last gave, by which a better one keeps a worse one out.';
comment on column source_values.item_id is 'Which item; it may be gone.';
comment on column source_values.measure is 'quantity or price.';
comment on column source_values.source_id is 'Which source.';
comment on column source_values.value is 'What it gave.';
comment on column source_values.at is 'When it gave it; kept to a tenth of fresh_for_seconds, or a minute, so that the same value again costs nothing.';

create trigger sources_before_update before update on sources
  for each row when (old.* is distinct from new.*) execute function count_version('kind');

-- Whoever says where prices come from says what they are. A run that is under way under another definition ends: its
-- lease is taken away. What was remembered of answers to it means nothing any more, and five failures neither.
create function source_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into source_runs (source_id, next_run_at) values (new.id, case new.kind when 'pull' then clock_timestamp() end);
  elsif tg_op = 'UPDATE' then
    update source_runs set holder = null, lease_until = null, etag = null, last_modified = null, read_whole_at = null,
      newest_item = null, breaker = 'closed', consecutive_failures = 0,
      next_run_at = case new.kind when 'pull' then clock_timestamp() end
    where source_id = new.id;
    -- Values that it gave under another definition keep nobody out.
    if (new.url, new.mapping, new.format) is distinct from (old.url, old.mapping, old.format) then
      delete from source_values where source_id = new.id;
    end if;
  end if;
  perform note_audit(coalesce(new.tenant_id, old.tenant_id),
    case tg_op when 'INSERT' then 'source_created' when 'UPDATE' then 'source_changed' else 'source_deleted' end,
    'source:' || coalesce(new.id, old.id),
    json_build_object('name', coalesce(new.name, old.name), 'kind', coalesce(new.kind, old.kind)));
  return null;
end;
$$;
comment on function source_after_change() is 'Begins anew with a source that was made or changed, and writes the audit trail.';
create trigger sources_after_coming_or_going after insert or delete on sources
  for each row execute function source_after_change();
create trigger sources_after_update after update on sources
  for each row when (old.* is distinct from new.*) execute function source_after_change();

revoke execute on function source_after_change() from public;
