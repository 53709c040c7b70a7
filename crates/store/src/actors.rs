//! The names of those who stand in the history, of those who are gone too.

use domain::{Actor, TenantId};

use crate::{Error, Store};

/// Where a page of actors ends: the kind and the id of its last one.
pub type ActorKey = (String, i64);

/// A page of actors.
#[derive(Debug, Clone)]
pub struct ActorPage {
    /// Keys, sources and users, each by id.
    pub actors: Vec<Actor>,
    /// The last one's key, if more follow.
    pub next: Option<ActorKey>,
}

impl Store {
    /// Users, keys and sources of a tenant, those behind `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn actors(
        &self,
        tenant: TenantId,
        after: Option<&ActorKey>,
        limit: u16,
    ) -> Result<ActorPage, Error> {
        const ACTORS: &str = "/* store::actors */
            select kind, id, name from (
              (select 'key' as kind, id, name from api_keys
               where tenant_id = $1 and ('key', id) > ($2, $3) order by id limit $4)
              union all
              (select 'source', id, name from sources
               where tenant_id = $1 and ('source', id) > ($2, $3) order by id limit $4)
              union all
              (select 'user', id, name from users
               where tenant_id = $1 and ('user', id) > ($2, $3) order by id limit $4)
              union all
              (select kind, id, name from former_actors
               where tenant_id = $1 and (kind, id) > ($2, $3) order by kind, id limit $4)
            ) as actors
            order by kind, id limit $4";
        let client = self.client().await?;
        let (kind, id) = after.map_or(("", 0), |(kind, id)| (kind.as_str(), *id));
        let one_more = i64::from(limit) + 1;
        let rows = client.rows(ACTORS, &[&tenant.get(), &kind, &id, &one_more]).await?;
        let mut actors = Vec::with_capacity(rows.len());
        let mut last = None;
        for row in rows.iter().take(usize::from(limit)) {
            let (kind, id): (String, i64) = (row.try_get("kind")?, row.try_get("id")?);
            actors.push(Actor { actor: format!("{kind}:{id}"), name: row.try_get("name")? });
            last = Some((kind, id));
        }
        Ok(ActorPage { actors, next: last.filter(|_| rows.len() > usize::from(limit)) })
    }
}
