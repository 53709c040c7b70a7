-- Deleted items can be brought back under their ids, and the names of those who are gone stay readable in the history.
--
-- Nothing that statements of the releases before name is changed: an item that is inserted under a new id begins with
-- version 1 as it did, and pays nothing for what is new.

-- Fires for whoever inserts an item with a version, and looks where it really stands. Runs as the schema's owner: a role
-- that may write items need not be able to read the history.
create or replace function item_before_insert() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  select changes.version + 1 into new.version from changes
  where changes.tenant_id = new.tenant_id and changes.resource = 'item' and changes.resource_id = new.id
  order by changes.id desc limit 1;
  if not found then
    new.version := 1;
  end if;
  return new;
end;
$$;
comment on function item_before_insert() is 'Begins to count the version, or goes on behind the deletion of an item that is brought back, for any writer.';
comment on column items.version is 'Counts the states: set by a trigger, 1 at creation, one more with every change, the deletion of one that was brought back included.';
comment on column changes.op is 'create (also of an item that is brought back), update or delete. Unchecked: only triggers write here, and Postgres would read the constraint anew for each statement.';
revoke execute on function item_before_insert() from public;

create table former_actors (
  kind text not null,
  id bigint not null,
  tenant_id bigint not null,
  name text not null,
  constraint former_actors_pkey primary key (kind, id),
  constraint former_actors_tenant_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
  constraint former_actors_kind_known check (kind in ('user', 'key', 'source'))
);
create index former_actors_by_tenant on former_actors (tenant_id, kind, id);
comment on table former_actors is 'What users, keys and sources were called whose rows are gone: the history names them still. Written by triggers only.';
comment on column former_actors.kind is 'user, key or source: with the id, the actor of changes.';
comment on column former_actors.id is 'Which.';
comment on column former_actors.tenant_id is 'Whose.';
comment on column former_actors.name is 'What people called it last.';

create function keep_actor_name() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into former_actors (kind, id, tenant_id, name) values (tg_argv[0], old.id, old.tenant_id, old.name)
  on conflict on constraint former_actors_pkey do nothing;
  return null;
end;
$$;
comment on function keep_actor_name() is 'Keeps what a user, key or source was called when its row goes.';
revoke execute on function keep_actor_name() from public;
create trigger users_keep_name after delete on users for each row execute function keep_actor_name('user');
create trigger api_keys_keep_name after delete on api_keys for each row execute function keep_actor_name('key');
create trigger sources_keep_name after delete on sources for each row execute function keep_actor_name('source');

-- Sources that are gone already are named in the audit trail; users that are gone already are not.
insert into former_actors (kind, id, tenant_id, name)
select 'source', split_part(subject, ':', 2)::bigint, tenant_id, max(detail ->> 'name') from audit
where event = 'source_deleted' and subject ~ '^source:[0-9]{1,18}$' and detail ->> 'name' is not null
  and exists (select from tenants where tenants.id = audit.tenant_id)
group by subject, tenant_id
on conflict on constraint former_actors_pkey do nothing;
