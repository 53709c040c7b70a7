-- The first release's schema: tenants, items, the changes of items, and the log that puts changes in order.
-- How a change travels is told in ARCHITECTURE.md, "The walk of one change".

create table tenants (
  id bigint generated always as identity,
  name text not null,
  created_at timestamptz not null default now(),
  constraint tenants_pkey primary key (id),
  constraint tenants_name_unique unique (name),
  constraint tenants_name_form check (name = btrim(name) and char_length(name) between 1 and 200)
);
comment on table tenants is 'Who owns what. Every other row belongs to one tenant.';
comment on column tenants.id is 'Given by the database; 1 is the tenant named default.';
comment on column tenants.name is 'Unique, 1 to 200 characters, trimmed.';
comment on column tenants.created_at is 'When the tenant was created.';
insert into tenants (name) values ('default');

-- Quantities change all the time and are in no index, so that Postgres can update in place (HOT); the fill factor
-- leaves it the room.
create table items (
  id bigint generated always as identity,
  tenant_id bigint not null,
  sku text,
  name text not null,
  description text,
  quantity bigint not null default 0,
  unit text not null default 'each',
  price numeric(19, 4),
  reorder_point bigint,
  attributes jsonb not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint items_pkey primary key (id),
  constraint items_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint items_sku_unique unique (tenant_id, sku),
  constraint items_sku_form check (sku = btrim(sku) and char_length(sku) between 1 and 64),
  constraint items_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint items_description_form check (char_length(description) between 1 and 4000),
  constraint items_quantity_range check (quantity between 0 and 9007199254740991),
  constraint items_unit_form check (unit = btrim(unit) and char_length(unit) between 1 and 32),
  constraint items_price_range check (price between 0 and 999999999999999.9999),
  constraint items_reorder_point_range check (reorder_point between 0 and 9007199254740991),
  constraint items_attributes_form
    check (jsonb_typeof(attributes) = 'object' and octet_length(attributes::text) <= 16384)
) with (fillfactor = 80);
create index items_by_name on items (tenant_id, name, id);
create index items_by_tenant on items (tenant_id, id);
comment on table items is 'Something that is counted. Every change is captured by triggers, whoever writes.';
comment on column items.id is 'Given by the database, never used twice, never changed.';
comment on column items.tenant_id is 'Who owns it; never changed.';
comment on column items.sku is 'Stock keeping unit: optional, unique within the tenant, 1 to 64 characters.';
comment on column items.name is 'What people call it: 1 to 200 characters, trimmed.';
comment on column items.description is 'Free text, at most 4,000 characters.';
comment on column items.quantity is 'How much there is, in units: 0 to 2^53-1, the largest that every JSON reader keeps exact.';
comment on column items.unit is 'What the quantity counts: 1 to 32 characters.';
comment on column items.price is 'What one unit costs: 4 places, no currency.';
comment on column items.reorder_point is 'At or below this quantity the item counts as low.';
comment on column items.attributes is 'The integrator''s own fields: a JSON object, at most 16 KiB as text.';
comment on column items.version is 'Counts the states: set by a trigger, 1 at creation, one more with every change.';
comment on column items.created_at is 'When the item was created.';
comment on column items.updated_at is 'When the item was last changed: set by a trigger.';

-- Documents are kept as json, not jsonb: they are written once, sent on as they are, and keep their order.
create table changes (
  id bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  tenant_id bigint not null,
  resource text not null,
  resource_id bigint not null,
  op text not null,
  version bigint not null,
  data json,
  previous json,
  actor text not null,
  reason text,
  request_id text,
  at timestamptz not null default clock_timestamp(),
  constraint changes_pkey primary key (id)
);
create index changes_by_xid on changes (xid);
create index changes_by_resource on changes (resource_id, id);
comment on table changes is 'One row for each change of each row: what it was, what it is, who and why. Written by triggers only.';
comment on column changes.id is 'Drawn while the row lock is held, so two changes of one row keep their order. Not the order of commits.';
comment on column changes.xid is 'The transaction that made it: how the sequencer finds what became visible.';
comment on column changes.tenant_id is 'Who owns the changed row.';
comment on column changes.resource is 'What kind of row, such as item.';
comment on column changes.resource_id is 'Which row.';
comment on column changes.op is 'create, update or delete. Unchecked: only triggers write here, and Postgres would read the constraint anew for each statement.';
comment on column changes.version is 'The version that this change made; a deletion counts too.';
comment on column changes.data is 'The document after the change; null for a deletion.';
comment on column changes.previous is 'The old values of the fields that changed, version and updated_at aside; the whole document for a deletion; null for a creation.';
comment on column changes.actor is 'Who: from the setting stockwire.actor of the transaction, else db:<role>; at most 200 characters.';
comment on column changes.reason is 'Why: from the setting stockwire.reason; at most 500 characters.';
comment on column changes.request_id is 'Which request: from the setting stockwire.request_id; at most 200 characters.';
comment on column changes.at is 'When the change was made, shortly before its commit.';

create table change_log (
  position bigint not null,
  change_id bigint not null,
  constraint change_log_pkey primary key (position),
  constraint change_log_change_unique unique (change_id)
);
comment on table change_log is 'The order of all changes. Written by the sequencer only.';
comment on column change_log.position is 'Dense: 1, 2, 3 and so on, in the order in which clients see the changes.';
comment on column change_log.change_id is 'Which change.';

create table sequencer (
  singleton boolean not null default true,
  epoch uuid not null default gen_random_uuid(),
  origin text not null default '',
  seen pg_snapshot not null default pg_current_snapshot(),
  last bigint not null default 0,
  constraint sequencer_pkey primary key (singleton),
  constraint sequencer_one_row check (singleton)
) with (fillfactor = 10);
comment on table sequencer is 'One row: how far the log is.';
comment on column sequencer.singleton is 'Always true: there is one row.';
comment on column sequencer.epoch is 'The log''s identity: a new one whenever positions may repeat.';
comment on column sequencer.origin is 'Which cluster, timeline and database the log was written in: another one means that it was restored.';
comment on column sequencer.seen is 'The snapshot of the last step: what it could not see is still to be placed.';
comment on column sequencer.last is 'The last position given.';
insert into sequencer default values;

-- How an item looks to every reader: REST, snapshots, history and the live stream all show this document. A type of
-- its own, because Postgres writes a row as compact JSON and an object that is built from pairs with spaces.
create type item_view as (
  id bigint,
  sku text,
  name text,
  description text,
  quantity bigint,
  unit text,
  price text,
  reorder_point bigint,
  attributes jsonb,
  version bigint,
  created_at text,
  updated_at text
);
comment on type item_view is 'The fields of an item''s document, in their order.';

-- Of single values on purpose: Postgres puts an SQL function's text in place of the call, and of a whole row it would
-- build the row anew for each field.
create function item_document(
  id bigint, sku text, name text, description text, quantity bigint, unit text, price numeric, reorder_point bigint,
  attributes jsonb, version bigint, created_at timestamptz, updated_at timestamptz
) returns json
language sql stable parallel safe
return row_to_json(row(
  id, sku, name, description, quantity, unit, price::text, reorder_point, attributes, version,
  to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  to_char(updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
)::item_view);
comment on function item_document(
  bigint, text, text, text, bigint, text, numeric, bigint, jsonb, bigint, timestamptz, timestamptz
) is 'An item as every reader sees it, from its columns.';

create function item_document(item items) returns json
language sql stable parallel safe
return item_document(
  (item).id, (item).sku, (item).name, (item).description, (item).quantity, (item).unit, (item).price,
  (item).reorder_point, (item).attributes, (item).version, (item).created_at, (item).updated_at
);
comment on function item_document(items) is 'An item as every reader sees it.';

-- Called only when more than the quantity differs: the capture trigger takes the short way itself.
create function item_difference(was items, item items) returns json
language plpgsql stable parallel safe as $$
begin
return (
  select ('{' || coalesce(string_agg(to_json(field.name) || ':' || coalesce(field.value::text, 'null'), ','), '') || '}')::json
  from (values
    ('sku', to_json(was.sku), was.sku is distinct from item.sku),
    ('name', to_json(was.name), was.name <> item.name),
    ('description', to_json(was.description), was.description is distinct from item.description),
    ('quantity', to_json(was.quantity), was.quantity <> item.quantity),
    ('unit', to_json(was.unit), was.unit <> item.unit),
    ('price', to_json(was.price::text), was.price is distinct from item.price),
    ('reorder_point', to_json(was.reorder_point), was.reorder_point is distinct from item.reorder_point),
    ('attributes', was.attributes::json, was.attributes <> item.attributes)
  ) as field (name, value, changed)
  where field.changed
);
end;
$$;
comment on function item_difference(items, items) is 'The old values of the fields that differ.';

create function item_before_update() returns trigger
language plpgsql as $$
begin
  if new.id <> old.id or new.tenant_id <> old.tenant_id or new.created_at <> old.created_at then
    raise exception 'id, tenant_id and created_at of an item can''t be changed'
      using errcode = 'integrity_constraint_violation', constraint = 'items_identity_fixed';
  end if;
  -- Whatever the writer says of these two is not a change.
  new.version := old.version;
  new.updated_at := old.updated_at;
  if new is distinct from old then
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
  end if;
  return new;
end;
$$;
comment on function item_before_update() is 'Counts the version and keeps the identity, for any writer.';
create trigger items_before_update before update on items
  for each row when (old.* is distinct from new.*) execute function item_before_update();

create function item_before_insert() returns trigger
language plpgsql as $$
begin
  new.version := 1;
  return new;
end;
$$;
comment on function item_before_insert() is 'Begins to count the version, for any writer.';
create trigger items_before_insert before insert on items
  for each row when (new.version is distinct from 1) execute function item_before_insert();

-- The capture triggers run as the schema's owner: a role that may write items need not, and should not, be able to
-- write the log. Hence session_user, and a search path that a writer can't bend.
create function writer_actor() returns text
language sql stable
return left(coalesce(nullif(current_setting('stockwire.actor', true), ''), 'db:' || session_user), 200);
comment on function writer_actor() is 'Who the transaction says it is, else the database role.';

create function capture_created_items() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changes (tenant_id, resource, resource_id, op, version, data, actor, reason, request_id)
  select item.tenant_id, 'item', item.id, 'create', item.version,
    item_document(item.id, item.sku, item.name, item.description, item.quantity, item.unit, item.price,
      item.reorder_point, item.attributes, item.version, item.created_at, item.updated_at),
    writer_actor(), left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200)
  from new_items as item;
  -- The sequencer that is busy holds this lock, and looks by itself; else it sleeps and wants to be told. The lock is
  -- let go at once: it is only asked about.
  if found and pg_try_advisory_lock_shared(91634239097932) and pg_advisory_unlock_shared(91634239097932) then
    perform pg_notify('stockwire_changes', '');
  end if;
  return null;
end;
$$;
comment on function capture_created_items() is 'Writes a change for each new item.';
create trigger items_capture_create after insert on items
  referencing new table as new_items for each statement execute function capture_created_items();

-- Its plan is made for the first statement of a session and kept, and one for a single row must not meet a hundred
-- thousand: without indexes on the transition tables, a nested loop would compare each with each.
create function capture_updated_items() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_nestloop = off as $$
begin
  insert into changes (tenant_id, resource, resource_id, op, version, data, previous, actor, reason, request_id)
  select item.tenant_id, 'item', item.id, 'update', item.version,
    item_document(item.id, item.sku, item.name, item.description, item.quantity, item.unit, item.price,
      item.reorder_point, item.attributes, item.version, item.created_at, item.updated_at),
    case
      when was.name = item.name and was.unit = item.unit and was.attributes = item.attributes
        and was.sku is not distinct from item.sku
        and was.description is not distinct from item.description
        and was.price is not distinct from item.price
        and was.reorder_point is not distinct from item.reorder_point
      then ('{"quantity":' || was.quantity || '}')::json
      else item_difference(was, item)
    end,
    writer_actor(), left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200)
  from new_items as item join old_items as was on was.id = item.id
  where item.version <> was.version;
  -- The sequencer that is busy holds this lock, and looks by itself; else it sleeps and wants to be told. The lock is
  -- let go at once: it is only asked about.
  if found and pg_try_advisory_lock_shared(91634239097932) and pg_advisory_unlock_shared(91634239097932) then
    perform pg_notify('stockwire_changes', '');
  end if;
  return null;
end;
$$;
comment on function capture_updated_items() is 'Writes a change for each item that an update really changed.';
create trigger items_capture_update after update on items
  referencing old table as old_items new table as new_items for each statement
  execute function capture_updated_items();

create function capture_deleted_items() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into changes (tenant_id, resource, resource_id, op, version, previous, actor, reason, request_id)
  select item.tenant_id, 'item', item.id, 'delete', item.version + 1,
    item_document(item.id, item.sku, item.name, item.description, item.quantity, item.unit, item.price,
      item.reorder_point, item.attributes, item.version, item.created_at, item.updated_at),
    writer_actor(), left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200)
  from old_items as item;
  -- The sequencer that is busy holds this lock, and looks by itself; else it sleeps and wants to be told. The lock is
  -- let go at once: it is only asked about.
  if found and pg_try_advisory_lock_shared(91634239097932) and pg_advisory_unlock_shared(91634239097932) then
    perform pg_notify('stockwire_changes', '');
  end if;
  return null;
end;
$$;
comment on function capture_deleted_items() is 'Writes a change for each deleted item.';
create trigger items_capture_delete after delete on items
  referencing old table as old_items for each statement execute function capture_deleted_items();

create function refuse_truncate() returns trigger
language plpgsql as $$
begin
  raise exception 'truncate would lose the history of %; use delete', tg_table_name
    using errcode = 'feature_not_supported';
end;
$$;
comment on function refuse_truncate() is 'Truncate fires no capture trigger, so it is refused.';
create trigger items_refuse_truncate before truncate on items
  for each statement execute function refuse_truncate();

-- Whoever may execute a trigger function may hang it on a table of their own, and would write the log with it.
revoke execute on function capture_created_items(), capture_updated_items(), capture_deleted_items() from public;
