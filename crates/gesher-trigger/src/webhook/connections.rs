//! Who may stay: the connections of the listener, counted in all and by address. When there are too many, the one that
//! has kept the hub waiting longest is closed for the new one, so that neither slow senders nor a flood of them keep
//! those out who send at once.

use super::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    all: usize,
    of_address: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { all: CONNECTIONS_MAX, of_address: CONNECTIONS_PER_ADDRESS_MAX }
    }
}

/// A connection.
struct Entry {
    from: IpAddr,
    /// Since when the hub waits for it: for its request, or for its answer to be read. None while the hub works.
    waiting_since: Option<Instant>,
    close: Arc<Notify>,
}

#[derive(Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
}

/// All connections of the listener.
#[derive(Clone, Default)]
pub(super) struct Connections {
    caps: Caps,
    table: Arc<Mutex<Table>>,
}

/// A place among the connections; given back when it is dropped.
pub(super) struct Place {
    number: u64,
    close: Arc<Notify>,
    connections: Connections,
}

/// Whom an address stands for: of version 6, everybody has a network of his own.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

/// What to do for a new connection.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Take,
    TakeInsteadOf(u64),
    Refuse,
}

/// Pure: whether there is room for a connection from that address, and at whose cost. A sender that means well sends at
/// once, and has its answer long before it is the one that waited longest.
fn decide(caps: Caps, entries: &HashMap<u64, Entry>, from: IpAddr) -> Decision {
    let of_address = entries.values().filter(|entry| entry.from == from).count();
    let only_of_address = of_address >= caps.of_address;
    if !only_of_address && entries.len() < caps.all {
        return Decision::Take;
    }
    let may_go = entries.iter().filter(|(_, entry)| !only_of_address || entry.from == from);
    let longest = may_go.filter_map(|(number, entry)| Some((entry.waiting_since?, *number))).min();
    longest.map_or(Decision::Refuse, |(_, number)| Decision::TakeInsteadOf(number))
}

impl Connections {
    #[cfg(test)]
    fn with(caps: Caps) -> Self {
        Self { caps, table: Arc::default() }
    }

    /// A place for a new connection, or none.
    pub(super) fn admit(&self, from: IpAddr) -> Option<Place> {
        self.admit_at(from, Instant::now())
    }

    fn admit_at(&self, from: IpAddr, now: Instant) -> Option<Place> {
        let from = counted(from);
        let mut table = self.table();
        match decide(self.caps, &table.entries, from) {
            Decision::Take => {}
            Decision::TakeInsteadOf(number) => {
                if let Some(entry) = table.entries.remove(&number) {
                    entry.close.notify_one();
                }
            }
            Decision::Refuse => return None,
        }
        let number = table.next;
        table.next += 1;
        let close = Arc::new(Notify::new());
        let entry = Entry { from, waiting_since: Some(now), close: Arc::clone(&close) };
        table.entries.insert(number, entry);
        drop(table);
        Some(Place { number, close, connections: self.clone() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The hub has what it needs, and works.
    pub(super) fn works(&self) {
        self.set(None);
    }

    /// The hub waits for the other side.
    pub(super) fn waits(&self) {
        self.set(Some(Instant::now()));
    }

    fn set(&self, waiting_since: Option<Instant>) {
        if let Some(entry) = self.connections.table().entries.get_mut(&self.number) {
            entry.waiting_since = waiting_since;
        }
    }

    /// Returns once somebody else needs the place.
    pub(super) async fn is_needed(&self) {
        self.close.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.table().entries.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn address(last: u8) -> IpAddr {
        IpAddr::from(Ipv4Addr::new(192, 0, 2, last))
    }

    #[tokio::test]
    async fn the_one_that_waits_longest_goes_first() {
        let connections = Connections::with(Caps { all: 3, of_address: 2 });
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let oldest = connections.admit_at(address(1), after(0)).unwrap();
        let at_work = connections.admit_at(address(1), after(1)).unwrap();
        at_work.works();
        // Two of one address: the third takes the place of the one that waits, and not of the one at work.
        let third = connections.admit_at(address(1), after(2)).unwrap();
        oldest.is_needed().await;
        drop(oldest);
        // Whoever is at work stays, and where all are, nobody new comes.
        third.works();
        assert!(connections.admit_at(address(1), after(2)).is_none());
        third.waits();
        let elsewhere = connections.admit_at(address(2), after(3)).unwrap();
        // Full in all: whoever waits longest goes, whatever his address.
        let fourth = connections.admit_at(address(3), after(4)).unwrap();
        third.is_needed().await;
        drop((third, fourth, elsewhere, at_work));
        assert!(connections.table().entries.is_empty());
    }

    #[test]
    fn a_network_of_version_six_counts_as_one_address() {
        for (left, right, same) in [
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let (left, right) = (left.parse().unwrap(), right.parse().unwrap());
            assert_eq!(counted(left) == counted(right), same, "{left} {right}");
        }
    }
}
