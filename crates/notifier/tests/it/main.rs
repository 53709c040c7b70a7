//! The log, tested against a real Postgres: order, density, wake-ups, takeover, epochs and the feed.

mod backfill;
mod binary;
mod ended_logins;
mod epoch;
mod feed;
mod feed_follower;
mod fleet;
mod log_under_load;
mod metrics;
mod monitors;
mod retention;
mod socket_clients;
mod takeover;
mod upgrade;
mod wake_up;
