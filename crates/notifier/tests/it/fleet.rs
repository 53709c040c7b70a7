//! Several notifiers, in this process and as real ones, that are killed and replaced.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use service::Settings;
use testkit::{Database, Notifier, SeededNumbers, process};

/// Where notifiers can be found at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Addresses(Arc<Mutex<Vec<Option<String>>>>);

impl Addresses {
    fn new(most: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![None; most])))
    }

    fn set(&self, index: usize, url: Option<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[index] = url;
    }

    pub(crate) fn any(&self, numbers: &mut SeededNumbers) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known: Vec<&String> = known.iter().flatten().collect();
        if known.is_empty() { None } else { Some((*numbers.pick(&known)).clone()) }
    }
}

#[derive(Debug)]
enum Member {
    InProcess(Notifier),
    Binary(process::Service),
}

/// How often which accident happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Accidents {
    pub(crate) killed: usize,
    pub(crate) killed_binaries: usize,
    pub(crate) sequencers_terminated: i64,
    pub(crate) connections_terminated: i64,
}

/// Two notifiers in this process and one real one.
#[derive(Debug)]
pub(crate) struct Fleet<'a> {
    database: &'a Database,
    settings: Settings,
    members: Vec<Member>,
    pub(crate) addresses: Addresses,
    pub(crate) accidents: Accidents,
}

const SIZE: usize = 3;
const THE_BINARY: usize = 2;

impl<'a> Fleet<'a> {
    pub(crate) async fn start(database: &'a Database, settings: &Settings) -> Result<Self> {
        let addresses = Addresses::new(SIZE);
        let (members, accidents) = (Vec::new(), Accidents::default());
        let mut fleet = Self { database, settings: settings.clone(), members, addresses, accidents };
        for index in 0..SIZE {
            let member = fleet.new_member(index).await?;
            fleet.members.push(member);
        }
        Ok(fleet)
    }

    async fn new_member(&self, index: usize) -> Result<Member> {
        let (member, url) = if index == THE_BINARY {
            let binary = start_binary(&self.settings).await?;
            let url = format!("ws://{}", binary.address());
            (Member::Binary(binary), url)
        } else {
            let notifier = Notifier::start(&self.settings).await?;
            let url = notifier.url();
            (Member::InProcess(notifier), url)
        };
        self.addresses.set(index, Some(url));
        Ok(member)
    }

    /// One accident, whichever the numbers choose.
    pub(crate) async fn have_an_accident(&mut self, numbers: &mut SeededNumbers) -> Result<()> {
        match numbers.below(10) {
            0..6 => {
                let index = usize::try_from(numbers.below(SIZE as u64))?;
                self.kill_and_replace(index).await
            }
            6..8 => {
                self.accidents.sequencers_terminated += self.database.terminate("%sequencer").await?;
                Ok(())
            }
            _ => {
                self.accidents.connections_terminated +=
                    self.database.terminate("stockwire notifier%").await?;
                Ok(())
            }
        }
    }

    async fn kill_and_replace(&mut self, index: usize) -> Result<()> {
        self.addresses.set(index, None);
        let replacement = self.new_member(index).await?;
        match std::mem::replace(&mut self.members[index], replacement) {
            Member::InProcess(notifier) => {
                notifier.kill().await;
                self.accidents.killed += 1;
            }
            Member::Binary(binary) => {
                binary.kill().await?;
                self.accidents.killed_binaries += 1;
            }
        }
        Ok(())
    }
}

/// The binary `notifier` with these settings.
pub(crate) async fn start_binary(settings: &Settings) -> Result<process::Service> {
    let environment = process::environment(settings);
    let binary = env!("CARGO_BIN_EXE_notifier");
    process::Service::start(binary, "STOCKWIRE__NOTIFIER__LISTEN", &environment).await
}
