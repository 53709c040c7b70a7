-- Who may come in: users and their sessions, API keys, one-time links and tickets; what was done with accounts; and who
-- is connected. How an ended login reaches every hub is told in ARCHITECTURE.md, "Ending a login".
--
-- Nothing that statements of the releases before name is changed. Tenants' settings have a table of their own, because a new
-- column of `tenants` would wait for everybody who has written an item and not committed, and all other writers would
-- queue behind it. Foreign keys to `tenants` need a lock that only those are in the way of who change tenants. Rows of the
-- log get new kinds of resources. Hubs of the releases before pass over the topic `session`, and don't know the topic
-- `presence`, which is only ever written by an inventory-api of this release: upgrade hubs, then notifiers, then
-- inventory-apis.

create table tenant_settings (
  tenant_id bigint not null,
  session_policy text not null default 'single',
  constraint tenant_settings_pkey primary key (tenant_id),
  constraint tenant_settings_tenant_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
  constraint tenant_settings_session_policy_known check (session_policy in ('single', 'multiple'))
);
comment on table tenant_settings is 'What a tenant''s owners may set; a tenant without a row has the defaults.';
comment on column tenant_settings.tenant_id is 'Whose.';
comment on column tenant_settings.session_policy is 'single: signing in ends the user''s other sessions; multiple: it doesn''t.';

create table users (
  id bigint generated always as identity,
  tenant_id bigint not null,
  email text not null,
  name text not null,
  role text not null,
  password_hash text,
  disabled_at timestamptz,
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_pkey primary key (id),
  constraint users_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint users_email_unique unique (tenant_id, email),
  constraint users_email_form check (
    email = lower(btrim(email)) and char_length(email) between 3 and 254 and position('@' in email) between 2 and 65
    and email ~ '^[^@[:space:][:cntrl:]<>,;"]+@[^@[:space:][:cntrl:]<>,;"]+$'
  ),
  constraint users_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint users_role_known check (role in ('viewer', 'clerk', 'manager', 'owner'))
);
comment on table users is 'People who sign in.';
comment on column users.id is 'Given by the database; user:<id> is the actor of what they do.';
comment on column users.tenant_id is 'Whom they work for.';
comment on column users.email is 'What they sign in with: unique within the tenant, in lower case.';
comment on column users.name is 'What others see: 1 to 200 characters, trimmed.';
comment on column users.role is 'viewer, clerk, manager or owner; each may do what the ones before may.';
comment on column users.password_hash is 'argon2id in the PHC string format; null until a link was used to choose one.';
comment on column users.disabled_at is 'Since when they can''t sign in; their sessions end with it.';
comment on column users.version is 'Counts the states: set by a trigger.';
comment on column users.created_at is 'When the user was invited.';
comment on column users.updated_at is 'When the user was last changed: set by a trigger.';

create table sessions (
  id bigint generated always as identity,
  tenant_id bigint not null,
  user_id bigint not null,
  nonce bytea not null,
  generation bigint not null default 1,
  refresh_hash bytea not null,
  previous_hash bytea,
  rotated_at timestamptz not null default now(),
  device text not null default '',
  address text not null default '',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  constraint sessions_pkey primary key (id),
  constraint sessions_nonce_unique unique (nonce),
  constraint sessions_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint sessions_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint sessions_end_whole check ((ended_at is null) = (end_reason is null)),
  constraint sessions_end_reason_known
    check (end_reason in ('other_device_login', 'revoked', 'password_changed', 'expired'))
);
create index sessions_live on sessions (user_id) where ended_at is null;
create index sessions_by_tenant on sessions (tenant_id, id);
create index sessions_by_end on sessions (ended_at) where ended_at is not null;
comment on table sessions is 'Sign-ins: one for each device. A live one has no end.';
comment on column sessions.id is 'Given by the database; session:<id> is the login in tokens.';
comment on column sessions.tenant_id is 'Whose.';
comment on column sessions.user_id is 'Who signed in.';
comment on column sessions.nonce is '16 random bytes by which a refresh token names its session; the rest of it is derived from them and the generation, with a key that is not in the database.';
comment on column sessions.generation is 'Which refresh token is the current one: each refresh makes the next.';
comment on column sessions.refresh_hash is 'SHA-256 of the current refresh token.';
comment on column sessions.previous_hash is 'SHA-256 of the one before, which is still good for a moment after it was replaced.';
comment on column sessions.rotated_at is 'When the current refresh token was made.';
comment on column sessions.device is 'What the browser or program called itself, at most 400 characters.';
comment on column sessions.address is 'Where the sign-in came from.';
comment on column sessions.created_at is 'When the user signed in.';
comment on column sessions.expires_at is 'When it ends at the latest.';
comment on column sessions.ended_at is 'When it was ended; never taken back.';
comment on column sessions.end_reason is 'Why: other_device_login, revoked, password_changed or expired.';

create table api_keys (
  id bigint generated always as identity,
  tenant_id bigint not null,
  name text not null,
  prefix text not null,
  secret_hash bytea not null,
  scopes text[] not null,
  addresses cidr[] not null default '{}',
  expires_at timestamptz,
  created_by text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  revoked_at timestamptz,
  constraint api_keys_pkey primary key (id),
  constraint api_keys_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint api_keys_prefix_unique unique (prefix),
  constraint api_keys_name_form check (name = btrim(name) and char_length(name) between 1 and 200),
  constraint api_keys_prefix_form check (prefix ~ '^[0-9A-Za-z]{10}$'),
  constraint api_keys_secret_hash_form check (octet_length(secret_hash) = 32),
  constraint api_keys_scopes_known check (cardinality(scopes) >= 1 and scopes <@ array['read', 'stock', 'items'])
);
create index api_keys_by_tenant on api_keys (tenant_id, id);
comment on table api_keys is 'Keys of programs. The secret was shown once and is not here.';
comment on column api_keys.id is 'Given by the database; key:<id> is the actor of what is done with it, and the login in its tokens.';
comment on column api_keys.tenant_id is 'Whose.';
comment on column api_keys.name is 'What it is for: 1 to 200 characters, trimmed.';
comment on column api_keys.prefix is 'The visible beginning of the key, by which it is found.';
comment on column api_keys.secret_hash is 'SHA-256 of the rest: it is random enough to need no slow hash.';
comment on column api_keys.scopes is 'What it may do: read, stock, items.';
comment on column api_keys.addresses is 'Addresses and networks that it may be used from; none means any.';
comment on column api_keys.expires_at is 'When it ends by itself, if it does.';
comment on column api_keys.created_by is 'Who made it, as actor.';
comment on column api_keys.created_at is 'When it was made.';
comment on column api_keys.last_used_at is 'When it was last used; written at most once a minute.';
comment on column api_keys.revoked_at is 'When it was revoked; never taken back.';

create table one_time_links (
  hash bytea not null,
  tenant_id bigint not null,
  user_id bigint not null,
  purpose text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint one_time_links_pkey primary key (hash),
  constraint one_time_links_user_unique unique (user_id),
  constraint one_time_links_tenant_fkey foreign key (tenant_id) references tenants (id),
  constraint one_time_links_user_fkey foreign key (user_id) references users (id) on delete cascade,
  constraint one_time_links_purpose_known check (purpose in ('invitation', 'password_reset'))
);
comment on table one_time_links is 'Links that let a user choose a password; used, they are gone. A new one replaces the one before.';
comment on column one_time_links.hash is 'SHA-256 of the secret in the link.';
comment on column one_time_links.tenant_id is 'Whose.';
comment on column one_time_links.user_id is 'Who may use it.';
comment on column one_time_links.purpose is 'invitation or password_reset.';
comment on column one_time_links.created_at is 'When it was made.';
comment on column one_time_links.expires_at is 'When it ends.';

-- Not logged: who loses a ticket in a crash asks for another one, and nobody can crash the server to guess passwords.
create unlogged table tickets (
  hash bytea not null,
  tenant_id bigint not null,
  actor text not null,
  login text,
  scope text not null,
  token_expires_at timestamptz,
  expires_at timestamptz not null,
  constraint tickets_pkey primary key (hash),
  constraint tickets_tenant_fkey foreign key (tenant_id) references tenants (id)
);
create index tickets_by_end on tickets (expires_at);
comment on table tickets is 'One-time tickets for clients that can''t send a header; used, they are gone.';
comment on column tickets.hash is 'SHA-256 of the ticket.';
comment on column tickets.tenant_id is 'Whose.';
comment on column tickets.actor is 'Who asked for it.';
comment on column tickets.login is 'The session or key of who asked for it.';
comment on column tickets.scope is 'What it lets do: permissions with a space between.';
comment on column tickets.token_expires_at is 'When what it opens ends.';
comment on column tickets.expires_at is 'When it ends itself.';

create unlogged table sign_in_throttles (
  subject text not null,
  allowance double precision not null,
  refused boolean not null default false,
  refilled_at timestamptz not null default clock_timestamp(),
  constraint sign_in_throttles_pkey primary key (subject)
) with (fillfactor = 50);
comment on table sign_in_throttles is 'How many more passwords may be tried for an account, and from an address.';
comment on column sign_in_throttles.subject is 'account:<tenant>/<e-mail>, of accounts that don''t exist too, or address:<address>.';
comment on column sign_in_throttles.allowance is 'How many were left when it was last looked at.';
comment on column sign_in_throttles.refused is 'Whether the last try was refused because none were left.';
comment on column sign_in_throttles.refilled_at is 'When that was.';

create table audit (
  id bigint generated always as identity,
  tenant_id bigint,
  at timestamptz not null default clock_timestamp(),
  event text not null,
  actor text not null,
  subject text,
  address text,
  reason text,
  request_id text,
  detail json,
  constraint audit_pkey primary key (id)
);
create index audit_by_tenant on audit (tenant_id, id);
create index audit_by_time on audit (at);
comment on table audit is 'What was done with accounts, and what was refused. Changes of items are in changes.';
comment on column audit.id is 'Given by the database.';
comment on column audit.tenant_id is 'Whose; null if nobody knows, as for a sign-in to a tenant that doesn''t exist.';
comment on column audit.at is 'When.';
comment on column audit.event is 'What, such as signed_in, sign_in_failed, access_refused, key_revoked or role_changed.';
comment on column audit.actor is 'Who: user:<id>, key:<id>, db:<role>, or nobody.';
comment on column audit.subject is 'To whom or what: user:<id>, session:<id>, key:<id>.';
comment on column audit.address is 'Where it came from.';
comment on column audit.reason is 'Why, in the words of who did it.';
comment on column audit.request_id is 'Which request.';
comment on column audit.detail is 'More, without secrets.';

create table ended_logins (
  id bigint generated always as identity,
  xid xid8 not null default pg_current_xact_id(),
  tenant_id bigint not null,
  login text not null,
  reason text not null,
  at timestamptz not null default clock_timestamp(),
  constraint ended_logins_pkey primary key (id)
);
create index ended_logins_by_xid on ended_logins (xid);
create index ended_logins_by_time on ended_logins (at);
comment on table ended_logins is 'Logins whose tokens may not have expired yet. Written by triggers; rows older than the longest token are deleted.';
comment on column ended_logins.id is 'Given by the database.';
comment on column ended_logins.xid is 'The transaction that ended it: how readers find what became visible since they last looked.';
comment on column ended_logins.tenant_id is 'Whose.';
comment on column ended_logins.login is 'session:<id> or key:<id>.';
comment on column ended_logins.reason is 'Why, as in sessions.end_reason.';
comment on column ended_logins.at is 'When.';

create table hubs (
  id uuid not null,
  report bigint not null,
  expires_at timestamptz not null,
  constraint hubs_pkey primary key (id)
);
comment on table hubs is 'Hubs that say who is connected to them.';
comment on column hubs.id is 'Made anew at each start.';
comment on column hubs.report is 'The number of its last report: one that comes twice, or after one that is missing, is known by it.';
comment on column hubs.expires_at is 'The hub says it again before; one that is gone has nobody connected.';

create table hub_people (
  hub_id uuid not null,
  tenant_id bigint not null,
  actor text not null,
  report bigint not null,
  constraint hub_people_pkey primary key (hub_id, tenant_id, actor),
  constraint hub_people_hub_fkey foreign key (hub_id) references hubs (id) on delete cascade
);
create index hub_people_by_actor on hub_people (tenant_id, actor);
comment on table hub_people is 'Who is connected to which hub, however many sockets they have.';
comment on column hub_people.hub_id is 'Which hub.';
comment on column hub_people.tenant_id is 'Whose.';
comment on column hub_people.actor is 'Who: user:<id> or key:<id>.';
comment on column hub_people.report is 'The hub''s last report that named them: whom a whole list didn''t name is gone.';

create table presence (
  id bigint generated always as identity,
  tenant_id bigint not null,
  actor text not null,
  name text not null,
  since timestamptz not null default now(),
  constraint presence_pkey primary key (id),
  constraint presence_actor_unique unique (tenant_id, actor)
);
comment on table presence is 'Who is connected to any hub. Captured into the log, as the topic presence.';
comment on column presence.id is 'Given by the database: another one each time someone comes.';
comment on column presence.tenant_id is 'Whose.';
comment on column presence.actor is 'Who: user:<id> or key:<id>.';
comment on column presence.name is 'The name of the user or key when they came.';
comment on column presence.since is 'When they came.';

-- As in the first migration: the sequencer that is busy holds this lock, and looks by itself.
create function ring_for_changes() returns void
language plpgsql as $$
begin
  if pg_try_advisory_lock_shared(91634239097932) and pg_advisory_unlock_shared(91634239097932) then
    perform pg_notify('stockwire_changes', '');
  end if;
end;
$$;
comment on function ring_for_changes() is 'Wakes the sequencer if it sleeps.';

-- Writes down that a login has ended: for services that start or look (ended_logins), and for those that follow the
-- log (changes).
create function note_ended_login(tenant bigint, kind text, row_id bigint, why text) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  login constant text := case kind when 'session' then 'session:' else 'key:' end || row_id;
begin
  insert into ended_logins (tenant_id, login, reason) values (tenant, login, why);
  insert into changes (tenant_id, resource, resource_id, op, version, data, actor, reason, request_id)
  values (tenant, kind, row_id, 'delete', 2, json_build_object('login', login, 'reason', why),
    writer_actor(), left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200));
  perform ring_for_changes();
end;
$$;
comment on function note_ended_login(bigint, text, bigint, text) is 'Ends the tokens of a session or a key, everywhere.';
revoke execute on function note_ended_login(bigint, text, bigint, text) from public;

create function note_audit(tenant bigint, event text, subject text, detail json) returns void
language sql security definer set search_path = public, pg_temp as $$
  insert into audit (tenant_id, event, actor, subject, address, reason, request_id, detail)
  values (tenant, event, writer_actor(), subject,
    left(nullif(current_setting('stockwire.address', true), ''), 100),
    left(nullif(current_setting('stockwire.reason', true), ''), 500),
    left(nullif(current_setting('stockwire.request_id', true), ''), 200), detail);
$$;
comment on function note_audit(bigint, text, text, json) is 'Writes a line of the audit trail for the transaction''s actor.';
revoke execute on function note_audit(bigint, text, text, json) from public;

create function session_before_update() returns trigger
language plpgsql as $$
begin
  if new.id <> old.id or new.tenant_id <> old.tenant_id or new.user_id <> old.user_id then
    raise exception 'id, tenant_id and user_id of a session can''t be changed'
      using errcode = 'integrity_constraint_violation', constraint = 'sessions_identity_fixed';
  end if;
  if old.ended_at is not null then
    -- What has ended stays as it ended.
    new.ended_at := old.ended_at;
    new.end_reason := old.end_reason;
  elsif new.ended_at is not null then
    new.end_reason := coalesce(new.end_reason, 'revoked');
  end if;
  return new;
end;
$$;
comment on function session_before_update() is 'A session ends once, for a reason.';
create trigger sessions_before_update before update on sessions
  for each row execute function session_before_update();

create function session_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform note_audit(new.tenant_id, 'signed_in', 'session:' || new.id,
      json_build_object('user', 'user:' || new.user_id, 'device', new.device));
  elsif tg_op = 'UPDATE' and old.ended_at is null and new.ended_at is not null then
    perform note_ended_login(new.tenant_id, 'session', new.id, new.end_reason);
    perform note_audit(new.tenant_id, 'session_ended', 'session:' || new.id,
      json_build_object('user', 'user:' || new.user_id, 'end_reason', new.end_reason));
  elsif tg_op = 'DELETE' and old.ended_at is null then
    perform note_ended_login(old.tenant_id, 'session', old.id, 'revoked');
    perform note_audit(old.tenant_id, 'session_ended', 'session:' || old.id,
      json_build_object('user', 'user:' || old.user_id, 'end_reason', 'revoked'));
  end if;
  return null;
end;
$$;
comment on function session_after_change() is 'Tells everybody that a session has ended, whoever ended it.';
create trigger sessions_after_change after insert or update or delete on sessions
  for each row execute function session_after_change();

create function api_key_before_update() returns trigger
language plpgsql as $$
begin
  if new.id <> old.id or new.tenant_id <> old.tenant_id then
    raise exception 'id and tenant_id of a key can''t be changed'
      using errcode = 'integrity_constraint_violation', constraint = 'api_keys_identity_fixed';
  end if;
  new.revoked_at := coalesce(old.revoked_at, new.revoked_at);
  return new;
end;
$$;
comment on function api_key_before_update() is 'A key is revoked once.';
create trigger api_keys_before_update before update on api_keys
  for each row execute function api_key_before_update();

create function api_key_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    perform note_audit(new.tenant_id, 'key_created', 'key:' || new.id,
      json_build_object('name', new.name, 'scopes', new.scopes));
  elsif tg_op = 'UPDATE' and old.revoked_at is null and new.revoked_at is not null then
    perform note_ended_login(new.tenant_id, 'api_key', new.id, 'revoked');
    perform note_audit(new.tenant_id, 'key_revoked', 'key:' || new.id, json_build_object('name', new.name));
  elsif tg_op = 'UPDATE' and (new.prefix, new.secret_hash, new.scopes, new.addresses, new.expires_at)
      is distinct from (old.prefix, old.secret_hash, old.scopes, old.addresses, old.expires_at) then
    -- No service does that, but someone in psql may.
    perform note_audit(new.tenant_id, 'key_changed', 'key:' || new.id,
      json_build_object('name', new.name, 'scopes', new.scopes));
  elsif tg_op = 'DELETE' and old.revoked_at is null then
    perform note_ended_login(old.tenant_id, 'api_key', old.id, 'revoked');
    perform note_audit(old.tenant_id, 'key_revoked', 'key:' || old.id, json_build_object('name', old.name));
  end if;
  return null;
end;
$$;
comment on function api_key_after_change() is 'Tells everybody that a key was revoked, whoever did it.';
create trigger api_keys_after_change after insert or update or delete on api_keys
  for each row execute function api_key_after_change();

create function user_before_update() returns trigger
language plpgsql as $$
begin
  if new.id <> old.id or new.tenant_id <> old.tenant_id or new.created_at <> old.created_at then
    raise exception 'id, tenant_id and created_at of a user can''t be changed'
      using errcode = 'integrity_constraint_violation', constraint = 'users_identity_fixed';
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
comment on function user_before_update() is 'Counts the version and keeps the identity, for any writer.';
create trigger users_before_update before update on users
  for each row when (old.* is distinct from new.*) execute function user_before_update();

create function role_rank(role text) returns integer
language sql immutable
return array_position(array['viewer', 'clerk', 'manager', 'owner'], role);
comment on function role_rank(text) is 'Higher may do more.';

-- Sessions end with the right to have them, whoever takes it away: by the API or in psql. The session that changes its
-- own password says so, and stays.
create function user_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  subject constant text := 'user:' || coalesce(new.id, old.id);
  why text;
begin
  if tg_op = 'INSERT' then
    perform note_audit(new.tenant_id, 'user_created', subject, json_build_object('email', new.email, 'role', new.role));
    return null;
  elsif tg_op = 'DELETE' then
    perform note_audit(old.tenant_id, 'user_deleted', subject, json_build_object('email', old.email));
    return null;
  end if;
  if new.role <> old.role then
    perform note_audit(new.tenant_id, 'role_changed', subject, json_build_object('from', old.role, 'to', new.role));
  end if;
  if new.password_hash is distinct from old.password_hash then
    perform note_audit(new.tenant_id, 'password_changed', subject, null);
    why := 'password_changed';
  end if;
  if (new.disabled_at is null) <> (old.disabled_at is null) then
    perform note_audit(new.tenant_id, case when new.disabled_at is null then 'user_enabled' else 'user_disabled' end,
      subject, null);
  end if;
  if new.email <> old.email then
    perform note_audit(new.tenant_id, 'email_changed', subject, json_build_object('from', old.email, 'to', new.email));
    -- A link that was sent to the address before is not for whoever reads letters there.
    delete from one_time_links where user_id = new.id;
  end if;
  if new.disabled_at is not null or role_rank(new.role) < role_rank(old.role) then
    why := 'revoked';
  end if;
  if why is not null then
    update sessions set ended_at = clock_timestamp(), end_reason = why
    where user_id = new.id and ended_at is null
      and (why = 'revoked' or id::text <> coalesce(current_setting('stockwire.keep_session', true), ''));
    delete from one_time_links where user_id = new.id;
  end if;
  return null;
end;
$$;
comment on function user_after_change() is 'Ends the sessions of a user who lost a right or whose password changed, and writes the audit trail.';
create trigger users_after_change after insert or update or delete on users
  for each row execute function user_after_change();

create function one_time_link_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform note_audit(new.tenant_id, 'password_link_created', 'user:' || new.user_id,
    json_build_object('purpose', new.purpose));
  return null;
end;
$$;
comment on function one_time_link_after_change() is 'Writes the audit trail of links that let somebody in.';
create trigger one_time_links_after_change after insert or update on one_time_links
  for each row execute function one_time_link_after_change();

create function session_policy(tenant bigint) returns text
language sql stable
return coalesce((select session_policy from tenant_settings where tenant_id = tenant), 'single');
comment on function session_policy(bigint) is 'Whether a tenant''s users may be signed in once or several times.';

create function tenant_settings_after_change() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  before constant text := case tg_op when 'INSERT' then 'single' else old.session_policy end;
  -- Without a row, a tenant has the default.
  after constant text := case tg_op when 'DELETE' then 'single' else new.session_policy end;
begin
  if after <> before then
    perform note_audit(coalesce(new.tenant_id, old.tenant_id), 'session_policy_changed', null,
      json_build_object('from', before, 'to', after));
  end if;
  return null;
end;
$$;
comment on function tenant_settings_after_change() is 'Writes the audit trail of a tenant''s settings.';
create trigger tenant_settings_after_change after insert or update or delete on tenant_settings
  for each row execute function tenant_settings_after_change();

create function presence_document(person presence) returns json
language sql stable
return json_build_object('id', (person).id, 'actor', (person).actor, 'name', (person).name,
  'since', to_char((person).since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
comment on function presence_document(presence) is 'Someone who is connected, as every reader sees it.';

create function capture_presence() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op = 'INSERT' then
    insert into changes (tenant_id, resource, resource_id, op, version, data, actor)
    values (new.tenant_id, 'presence', new.id, 'create', 1, presence_document(new), new.actor);
  else
    insert into changes (tenant_id, resource, resource_id, op, version, previous, actor)
    values (old.tenant_id, 'presence', old.id, 'delete', 2, presence_document(old), old.actor);
  end if;
  perform ring_for_changes();
  return null;
end;
$$;
comment on function capture_presence() is 'Writes a change when someone comes or goes.';
create trigger presence_capture after insert or delete on presence
  for each row execute function capture_presence();

revoke execute on function session_after_change(), api_key_after_change(), user_after_change(),
  one_time_link_after_change(), tenant_settings_after_change(), capture_presence() from public;
