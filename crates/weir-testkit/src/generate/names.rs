//! Words from a city's transport, and a sequence of pseudo-random numbers.

const TEAMS: [&str; 20] = [
    "toll", "cards", "parking", "transit", "billing", "identity", "fraud", "platform", "charging", "ferry", "bikes",
    "tickets", "routing", "traffic", "permits", "fines", "refunds", "tariffs", "fleet", "support",
];

/// The subjects of events.
pub(super) const SUBJECTS: [&str; 16] = [
    "passage", "journey", "card", "invoice", "payment", "vehicle", "permit", "session", "refund", "tariff", "device",
    "customer", "zone", "contract", "alert", "receipt",
];

/// The events.
pub(super) const EVENTS: [&str; 8] =
    ["created", "changed", "closed", "priced", "paid", "rejected", "matched", "archived"];

/// The purposes of service accounts.
pub(super) const SERVICES: [&str; 10] =
    ["ingest", "pricing", "matching", "api", "export", "notify", "archive", "audit", "search", "settlement"];

/// Returns the name of the team at `index`: short, because vault names contain it and have at most 24 characters.
pub(super) fn team(index: usize) -> String {
    let name = TEAMS[index % TEAMS.len()];
    match index / TEAMS.len() {
        0 => name.to_owned(),
        more => format!("{name}{more}"),
    }
}

/// A splitmix64 generator: a few lines instead of a dependency, with the same numbers on every platform.
pub(super) struct Sequence(u64);

impl Sequence {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `limit`, which must be small.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    /// Returns one of `items`, which must not be empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }
}
