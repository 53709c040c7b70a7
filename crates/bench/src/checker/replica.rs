//! A client's copy of the topic `items`, small enough for ten thousand of them, and the promises that frames must keep:
//! nothing missing that nobody mentioned, positions that ascend, versions that never go back.

use std::{collections::HashMap, sync::Arc};

use crate::checker::frame::{Change, Frame, Item};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something lies between what the client has and `prev`.
    Lost(String),
    /// A position that does not ascend, or a version that goes back.
    OutOfOrder(String),
}

/// Between two positions, so many changes were delivered or said to be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) changes: u64,
}

/// What a client holds of an item.
#[derive(Debug, Clone, Copy)]
struct Held {
    version: i64,
    /// Nothing if it was deleted.
    print: Option<u64>,
    /// Whether it came as a change. A snapshot may be ahead of the stream, a change may not.
    streamed: bool,
}

/// A client's copy.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    held: HashMap<i64, Held>,
    /// The sum of all items' prints: two copies are equal if these are.
    digest: u64,
    epoch: Option<Arc<str>>,
    /// Everything up to here was delivered, or is in the snapshot.
    reached: i64,
    /// Gaps up to here are intended.
    excused: i64,
    /// Until there is a snapshot there is nothing to resume from.
    has_state: bool,
    live: bool,
    initial: Vec<(i64, Item)>,
    run: Option<Run>,
    runs: Vec<Run>,
}

impl Replica {
    /// A new connection, which asks for what lies behind [`Self::cursor`].
    pub(crate) fn connects(&mut self) {
        self.end_run();
        self.live = false;
        self.initial = Vec::new();
        // What was announced as a gap on another connection is none on this one.
        self.excused = self.reached;
        if self.has_state {
            self.begin_run();
        }
    }

    /// Where to resume. Not what `conflated` says: its changes follow it, and a cut in between would lose them.
    pub(crate) fn cursor(&self) -> Option<(Arc<str>, i64)> {
        self.has_state.then(|| Some((self.epoch.clone()?, self.reached)))?
    }

    /// Takes the next frame.
    pub(crate) fn take(&mut self, frame: &Frame) -> Result<(), Fault> {
        match frame {
            Frame::Initial { epoch, position, items, more } => {
                self.initial.extend_from_slice(items);
                if !more {
                    self.replace(epoch.clone(), *position);
                }
                Ok(())
            }
            Frame::Subscribed { position, .. } => {
                self.live = true;
                let before = self.reached;
                self.reach(*position, 0);
                if *position < before {
                    return Err(Fault::OutOfOrder(format!("subscribed at {position}, was at {before}")));
                }
                Ok(())
            }
            Frame::Change(change) => self.change(change),
            Frame::Conflated { skipped, position } => {
                self.excused = self.excused.max(*position);
                if let Some(run) = &mut self.run {
                    run.changes += skipped;
                }
                Ok(())
            }
            Frame::Resync => {
                self.end_run();
                (self.live, self.has_state) = (false, false);
                Ok(())
            }
            Frame::Connected { .. } | Frame::Heartbeat | Frame::Refused | Frame::Other => Ok(()),
        }
    }

    fn replace(&mut self, epoch: Arc<str>, position: i64) {
        self.end_run();
        let held =
            |(id, Item { version, print })| (id, Held { version, print: Some(print), streamed: false });
        self.held = std::mem::take(&mut self.initial).into_iter().map(held).collect();
        self.digest = self.held.values().filter_map(|held| held.print).fold(0, u64::wrapping_add);
        (self.epoch, self.reached, self.excused, self.has_state) = (Some(epoch), position, position, true);
        self.begin_run();
    }

    fn change(&mut self, change: &Change) -> Result<(), Fault> {
        let Change { position, prev, id, version, item } = *change;
        let (reached, known) = (self.reached, self.reached.max(self.excused));
        self.reach(position, 1);
        let before = self.held.get(&id).copied();
        if before.is_none_or(|held| held.version < version) {
            let print = item.map(|item| item.print);
            let old = before.and_then(|held| held.print).unwrap_or(0);
            self.digest = self.digest.wrapping_sub(old).wrapping_add(print.unwrap_or(0));
            self.held.insert(id, Held { version, print, streamed: true });
        }
        if position <= reached || prev >= position {
            return Err(Fault::OutOfOrder(format!(
                "item {id} version {version} at {position} (prev {prev}) came when {reached} had been reached"
            )));
        }
        if prev > known {
            return Err(Fault::Lost(format!(
                "item {id} version {version} at {position} says prev {prev}, known up to {known}"
            )));
        }
        match before {
            Some(held) if held.streamed && held.version >= version => Err(Fault::OutOfOrder(format!(
                "item {id} went back from version {} to {version} at {position}",
                held.version
            ))),
            _ => Ok(()),
        }
    }

    fn reach(&mut self, position: i64, changes: u64) {
        self.reached = self.reached.max(position);
        if let Some(run) = &mut self.run {
            run.to = self.reached;
            run.changes += changes;
        }
    }

    fn begin_run(&mut self) {
        let at = self.reached;
        self.run = match self.runs.last() {
            Some(last) if last.to == at => self.runs.pop(),
            _ => Some(Run { from: at, to: at, changes: 0 }),
        };
    }

    fn end_run(&mut self) {
        // In the middle of a conflation it isn't known which of the left-out changes lie before the last one.
        let exact = self.excused <= self.reached;
        self.runs.extend(self.run.take().filter(|run| exact && run.to > run.from));
    }

    /// What was delivered, for the truth to count.
    pub(crate) fn runs(&mut self) -> &[Run] {
        self.end_run();
        &self.runs
    }

    pub(crate) const fn is_live(&self) -> bool {
        self.live
    }

    pub(crate) const fn reached(&self) -> i64 {
        self.reached
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    /// The items and their versions, as far as they exist.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (i64, Item)> {
        self.held
            .iter()
            .filter_map(|(id, held)| Some((*id, Item { version: held.version, print: held.print? })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(position: i64, prev: i64, id: i64, version: i64) -> Frame {
        let item = Some(Item::new(id, version, "{}"));
        Frame::Change(Change { position, prev, id, version, item })
    }

    fn initial(position: i64, items: &[(i64, i64)]) -> Frame {
        let items = items.iter().map(|(id, version)| (*id, Item::new(*id, *version, "{}"))).collect();
        Frame::Initial { epoch: "e".into(), position, items, more: false }
    }

    fn replica(frames: &[Frame]) -> (Replica, Result<(), Fault>) {
        let mut replica = Replica::default();
        replica.connects();
        let verdict = frames.iter().try_for_each(|frame| replica.take(frame));
        (replica, verdict)
    }

    fn is_lost(verdict: &Result<(), Fault>) -> bool {
        matches!(verdict, Err(Fault::Lost(_)))
    }

    fn is_out_of_order(verdict: &Result<(), Fault>) -> bool {
        matches!(verdict, Err(Fault::OutOfOrder(_)))
    }

    #[test]
    fn an_honest_stream_is_believed() {
        let live = Frame::Subscribed { recovered: false, position: 11 };
        let (mut replica, verdict) =
            replica(&[initial(10, &[(1, 4), (2, 1)]), change(11, 10, 1, 5), live, change(12, 11, 2, 2)]);
        assert_eq!(verdict, Ok(()));
        assert!(replica.is_live());
        assert_eq!(replica.cursor(), Some(("e".into(), 12)));
        let prints = [Item::new(1, 5, "{}").print, Item::new(2, 2, "{}").print];
        assert_eq!(replica.digest(), prints[0].wrapping_add(prints[1]));
        assert_eq!(replica.runs(), [Run { from: 10, to: 12, changes: 2 }]);
    }

    #[test]
    fn a_gap_is_a_loss_unless_it_was_announced() {
        let start = initial(10, &[(1, 4)]);
        assert!(is_lost(&replica(&[start.clone(), change(13, 12, 1, 6)]).1));
        let notice = Frame::Conflated { skipped: 2, position: 13 };
        let (mut told, verdict) = replica(&[start, notice, change(13, 12, 1, 7)]);
        assert_eq!(verdict, Ok(()));
        assert_eq!(told.runs(), [Run { from: 10, to: 13, changes: 3 }]);
    }

    #[test]
    fn a_gap_announced_on_another_connection_is_a_loss() {
        let notice = Frame::Conflated { skipped: 2, position: 13 };
        let (mut replica, _) = replica(&[initial(10, &[]), notice]);
        assert_eq!(replica.cursor(), Some(("e".into(), 10)), "what was announced has not been delivered");
        replica.connects();
        assert!(is_lost(&replica.take(&change(13, 12, 1, 7))));
    }

    #[test]
    fn positions_and_versions_never_go_back() {
        let start = initial(10, &[(1, 4)]);
        let stream = |next| replica(&[start.clone(), change(11, 10, 1, 5), next]).1;
        assert!(is_out_of_order(&stream(change(11, 10, 1, 5))), "the same again");
        assert!(is_out_of_order(&stream(change(9, 8, 2, 1))), "an older position");
        assert!(is_out_of_order(&stream(change(12, 11, 1, 5))), "the same version again");
        assert_eq!(stream(change(12, 11, 1, 6)), Ok(()));
        // A snapshot may hold what has no position yet.
        assert_eq!(replica(&[initial(10, &[(1, 7)]), change(11, 10, 1, 6)]).1, Ok(()));
    }

    #[test]
    fn a_deleted_item_stays_deleted() {
        let delete = Frame::Change(Change { position: 11, prev: 10, id: 1, version: 5, item: None });
        let (gone, verdict) = replica(&[initial(10, &[(1, 4)]), delete.clone()]);
        assert_eq!((verdict, gone.digest(), gone.versions().count()), (Ok(()), 0, 0));
        assert!(is_out_of_order(&replica(&[initial(10, &[(1, 4)]), delete, change(12, 11, 1, 5)]).1));
    }

    #[test]
    fn after_a_resync_nothing_is_resumed() {
        let (mut replica, _) = replica(&[initial(10, &[(1, 4)]), change(11, 10, 1, 5), Frame::Resync]);
        assert_eq!((replica.cursor(), replica.is_live()), (None, false));
        replica.take(&initial(20, &[(1, 9)])).unwrap();
        assert_eq!(replica.runs(), [Run { from: 10, to: 11, changes: 1 }]);
    }

    #[test]
    fn a_cut_snapshot_is_forgotten() {
        let part = Frame::Initial {
            epoch: "e".into(),
            position: 9,
            items: vec![(7, Item::new(7, 1, ""))],
            more: true,
        };
        let (mut replica, _) = replica(&[part]);
        assert_eq!(replica.cursor(), None);
        replica.connects();
        replica.take(&initial(10, &[(1, 4)])).unwrap();
        assert_eq!(replica.versions().map(|(id, _)| id).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn runs_that_follow_each_other_are_one() {
        let (mut replica, _) = replica(&[initial(10, &[]), change(11, 10, 1, 1)]);
        replica.connects();
        replica.take(&change(12, 11, 1, 2)).unwrap();
        assert_eq!(replica.runs(), [Run { from: 10, to: 12, changes: 2 }]);
    }
}
