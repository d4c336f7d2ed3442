//! The provider's books in the simulation: organisations, customers, payments, documents, and who may see them.
//!
//! Everything that changes the books is a [`Record`], applied by one function, whether it happens now or is told
//! again from a ledger. Ids, keys and tokens follow from the seed alone.

use super::changes::{self, Changes, Pages};
use super::holds::Hold;
use super::record::{CompanyEntry, CustomerEntry, DocumentEntry, Kind, MethodEntry, Record};
use super::recurring_items::RecurringEntry;
use super::triggers::Encoding;
use super::wire::{Fields, Refusal, refuse};
use crate::endpoints::companies::Company as Details;
use gesher_core::Secret;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Payments on one page of a list.
pub const PAGE_SIZE: usize = 100;
/// The number of an organisation's first document of each kind.
pub(crate) const FIRST_DOCUMENT_NUMBER: i64 = 1000;

/// When an organisation's terminal clears cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminals {
    /// From the beginning, asked for or not.
    #[default]
    Ready,
    /// This long after it was asked for.
    After(Duration),
    /// Once it was asked for and then approved by hand.
    ByHand,
}

/// How a world begins.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The marketplace's organisation, which exists from the beginning.
    pub company_id: i64,
    /// Its key; without one, any key is taken.
    pub api_key: Option<Secret>,
    /// Other organisations that exist from the beginning, with terminals that clear cards. Any key opens them.
    pub organisations: Vec<i64>,
    /// What ids of keys and tokens follow from.
    pub seed: u64,
    /// When terminals clear cards.
    pub terminals: Terminals,
    /// Refusals of credentials in a row after which all calls are refused, as the provider blocks an address.
    pub lock_out_after: Option<u32>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            company_id: super::MARKETPLACE_COMPANY_ID,
            api_key: None,
            organisations: Vec::new(),
            seed: 1,
            terminals: Terminals::Ready,
            lock_out_after: None,
        }
    }
}

/// A payment in the books.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: i64,
    pub(crate) customer_id: i64,
    pub(crate) at: Timestamp,
    pub(crate) valid: bool,
    pub(crate) code: Box<str>,
    pub(crate) amount: Decimal,
    pub(crate) currency: i64,
    pub(crate) method: Option<Arc<MethodEntry>>,
    pub(crate) document_id: Option<i64>,
    /// Its authorisation, where it is a hold.
    pub(crate) auth: Option<Box<str>>,
    /// The agreements that it is of.
    pub(crate) recurring: Box<[i64]>,
}

/// A document in the books.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) id: i64,
    pub(crate) number: Option<i64>,
    pub(crate) customer_id: i64,
    pub(crate) at: Timestamp,
    pub(crate) amount: Decimal,
    pub(crate) currency: i64,
    pub(crate) description: Option<Box<str>>,
    pub(crate) entry: DocumentEntry,
}

/// A customer and the method that is charged where none is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customer {
    pub(crate) entry: CustomerEntry,
    pub(crate) method: Option<Arc<MethodEntry>>,
    /// Methods of earlier days.
    pub(crate) inactive: Vec<Arc<MethodEntry>>,
}

/// The state of a clearing terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminal {
    Absent,
    Requested(Timestamp),
    Approved,
    Refused,
}

/// An organisation.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) key: Option<Secret>,
    pub(crate) details: Details,
    pub(crate) terminal: Terminal,
    pub(crate) customers: BTreeMap<i64, Customer>,
    pub(crate) found_by: HashMap<u64, i64>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) documents: Vec<Document>,
    pub(crate) next_number: BTreeMap<i64, i64>,
    pub(crate) changes: Changes,
    /// Money held on cards, by its authorisation.
    pub(crate) holds: HashMap<String, Hold>,
    /// What is paid again and again.
    pub(crate) recurring: BTreeMap<i64, RecurringEntry>,
}

/// The ids that come next.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub(crate) company: i64,
    pub(crate) payment: i64,
    pub(crate) customer: i64,
    pub(crate) document: i64,
    pub(crate) method: i64,
    pub(crate) hold: i64,
    pub(crate) recurring: i64,
}

/// The provider's books.
#[derive(Debug)]
pub struct World {
    pub(crate) options: WorldOptions,
    pub(crate) zone: TimeZone,
    pub(crate) list_lag: Duration,
    pub(crate) document_lag: Duration,
    /// How far the simulated clock was set forward.
    pub(crate) ahead: SignedDuration,
    pub(crate) companies: BTreeMap<i64, Company>,
    pub(crate) spent: HashSet<u64>,
    pub(crate) next: Next,
    pub(crate) pages: Pages,
    /// How triggers are written.
    pub(crate) encoding: Encoding,
    refused_credentials: u32,
    done: Vec<Record>,
}

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) company: i64,
    pub(crate) at: Timestamp,
}

impl World {
    /// Books with nothing in them but the marketplace.
    #[must_use]
    pub fn new(options: WorldOptions) -> Self {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(2)));
        let mut marketplace = Company::new(options.api_key.clone(), marketplace_details());
        marketplace.terminal = Terminal::Approved;
        let mut companies = BTreeMap::from([(options.company_id, marketplace)]);
        for id in &options.organisations {
            let known = companies.entry(*id).or_insert_with(|| Company::new(None, marketplace_details()));
            known.terminal = Terminal::Approved;
        }
        let newest = companies.keys().next_back().copied().unwrap_or_default();
        Self {
            zone,
            list_lag: Duration::ZERO,
            document_lag: Duration::ZERO,
            ahead: SignedDuration::ZERO,
            companies,
            spent: HashSet::new(),
            next: Next {
                company: newest.max(options.company_id) + 222,
                payment: 9_000_000_001,
                customer: 8_000_000_001,
                document: 6_000_000_001,
                method: 7_000_000_001,
                hold: 1,
                recurring: 5_000_000_001,
            },
            pages: Pages::new(),
            encoding: Encoding::default(),
            refused_credentials: 0,
            done: Vec::new(),
            options,
        }
    }

    /// Finds the caller by its credentials: its private key, or where the endpoint takes that, its public one.
    pub(crate) fn authenticate(
        &mut self,
        body: &Fields<'_>,
        at: Timestamp,
        public: bool,
    ) -> Result<Caller, Refusal> {
        let locked = |refused: u32, after: Option<u32>| after.is_some_and(|after| refused >= after);
        if locked(self.refused_credentials, self.options.lock_out_after) {
            return refuse("Repeated incorrect credentials attempts detected");
        }
        let given = match body.object("Credentials")? {
            Some(credentials) => {
                let name = if public { "APIPublicKey" } else { "APIKey" };
                (credentials.int("CompanyID")?, credentials.text(name)?)
            }
            None => (None, None),
        };
        if let (Some(id), Some(key)) = given
            && let Some(company) = self.companies.get(&id)
            && (company.key.as_ref()).is_none_or(|known| match public {
                true => key_of(self.options.seed, id, "public") == key.trim(),
                false => known.expose() == key.trim(),
            })
        {
            self.refused_credentials = 0;
            return Ok(Caller { company: id, at });
        }
        self.refused_credentials = self.refused_credentials.saturating_add(1);
        refuse("Invalid Credentials (CompanyID/APIKey are incorrect)")
    }

    /// The caller's organisation. Callers come from [`World::authenticate`] and organisations never go.
    pub(crate) fn company(&mut self, id: i64) -> &mut Company {
        self.companies.entry(id).or_insert_with(|| Company::new(None, Details::default()))
    }

    /// Whether the organisation's terminal clears cards.
    pub(crate) fn clears(&self, company: i64, at: Timestamp) -> bool {
        let terminal = self.companies.get(&company).map_or(Terminal::Absent, |company| company.terminal);
        match (self.options.terminals, terminal) {
            (_, Terminal::Approved) => true,
            (_, Terminal::Refused) => false,
            (Terminals::Ready, _) => true,
            (Terminals::After(wait), Terminal::Requested(since)) => {
                at.duration_since(since).unsigned_abs() >= wait
            }
            (Terminals::After(_) | Terminals::ByHand, _) => false,
        }
    }

    /// Writes an effect into the books, now.
    pub(crate) fn commit(&mut self, record: Record, at: Timestamp) {
        self.apply(&record, at);
        self.done.push(record);
    }

    /// What was done since this was last asked.
    pub(crate) fn take_done(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.done)
    }

    /// The simulated time of an instant.
    pub(crate) fn now(&self, at: Timestamp) -> Timestamp {
        at.checked_add(self.ahead).unwrap_or(at)
    }

    /// Writes an effect into the books, whenever it happened.
    pub(crate) fn apply(&mut self, record: &Record, at: Timestamp) {
        let at = record.made_at.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or(at);
        self.count_on(record);
        self.spent.extend(record.spent);
        match record.kind {
            Kind::Company => self.apply_company(record),
            Kind::TerminalRequested => self.company(record.company).terminal = Terminal::Requested(at),
            Kind::TerminalApproved => self.company(record.company).terminal = Terminal::Approved,
            Kind::TerminalRefused => self.company(record.company).terminal = Terminal::Refused,
            Kind::Clock => {
                self.ahead =
                    self.ahead.saturating_add(SignedDuration::from_secs(record.seconds.unwrap_or(0)));
            }
            Kind::Charge | Kind::Document | Kind::Hold | Kind::Recurring | Kind::Change => {
                self.company(record.company).apply(record, at);
            }
        }
        changes::apply(self, record);
    }

    fn apply_company(&mut self, record: &Record) {
        let Some(CompanyEntry { key_seed, details, .. }) = &record.opened else {
            return;
        };
        let key = Secret::new(key_of(*key_seed, record.company, "private"));
        let company = self.company(record.company);
        company.key = Some(key);
        company.details = details.clone();
    }

    /// Ids go on behind those of the record.
    fn count_on(&mut self, record: &Record) {
        let behind = |next: &mut i64, id: Option<i64>| *next = (*next).max(id.map_or(0, |id| id + 1));
        behind(&mut self.next.payment, record.payment_id);
        behind(&mut self.next.customer, record.customer_id);
        behind(&mut self.next.document, record.document_id);
        behind(&mut self.next.method, record.method.as_ref().map(|method| method.id));
        behind(&mut self.next.recurring, record.recurring.as_ref().map(|agreed| agreed.id));
        if record.auth.is_some() {
            self.next.hold += 1;
        }
        if record.kind == Kind::Company {
            self.next.company = self.next.company.max(record.company + 111);
        }
    }

    /// An instant as the provider writes it, with the offset of Israel.
    pub(crate) fn written(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

impl Company {
    fn new(key: Option<Secret>, details: Details) -> Self {
        Self {
            key,
            details,
            terminal: Terminal::Absent,
            customers: BTreeMap::new(),
            found_by: HashMap::new(),
            payments: Vec::new(),
            documents: Vec::new(),
            next_number: BTreeMap::new(),
            changes: Changes::default(),
            holds: HashMap::new(),
            recurring: BTreeMap::new(),
        }
    }

    fn apply(&mut self, record: &Record, at: Timestamp) {
        let customer_id = record.customer_id.unwrap_or_default();
        if let Some(entry) = &record.customer {
            for (which, name) in names_of(entry) {
                self.found_by.entry(mark(&(which, name.to_lowercase()))).or_insert(entry.id);
            }
            self.customers.entry(entry.id).or_default().entry = entry.clone();
        }
        let method = record.method.clone().map(Arc::new);
        if record.method_saved
            && let Some(customer) = self.customers.get_mut(&customer_id)
        {
            let before = customer.method.take();
            let is_another = |before: &Arc<MethodEntry>| {
                method
                    .as_ref()
                    .is_none_or(|method| method.token != before.token || method.kind != before.kind)
            };
            customer.inactive.extend(before.filter(is_another));
            customer.method.clone_from(&method);
        }
        if let Some(agreed) = &record.recurring {
            self.recurring.insert(agreed.id, RecurringEntry::clone(agreed));
        }
        let amount = record.amount.map(|amount| amount.0).unwrap_or_default();
        self.apply_hold(record, amount, at);
        let currency = record.currency.as_deref().map_or(0, currency_number);
        if let (Some(id), Some(entry)) = (record.document_id, &record.document) {
            if let Some(number) = record.document_number {
                let next = self.next_number.entry(entry.kind).or_insert(FIRST_DOCUMENT_NUMBER);
                *next = (*next).max(number + 1);
            }
            self.documents.push(Document {
                id,
                number: record.document_number,
                customer_id,
                at,
                amount,
                currency,
                description: record.description.as_deref().map(Box::from),
                entry: entry.clone(),
            });
        }
        if let (Kind::Charge, Some(id)) = (record.kind, record.payment_id) {
            self.payments.push(Payment {
                id,
                customer_id,
                at,
                valid: record.valid.unwrap_or_default(),
                code: record.code.as_deref().unwrap_or_default().into(),
                amount,
                currency,
                method,
                document_id: record.document_id,
                auth: None,
                recurring: record.recurring_ids.clone().into(),
            });
        }
    }

    /// The number of the next document of a kind.
    pub(crate) fn next_number(&self, kind: i64) -> i64 {
        self.next_number.get(&kind).copied().unwrap_or(FIRST_DOCUMENT_NUMBER)
    }

    /// The customer of that name, where there is one.
    pub(crate) fn find(&self, which: &str, name: Option<&str>) -> Option<i64> {
        let name = name?.trim().to_lowercase();
        self.found_by.get(&mark(&(which, name))).copied()
    }
}

fn names_of(entry: &CustomerEntry) -> impl Iterator<Item = (&'static str, &str)> {
    let names = [
        ("external", entry.external.as_deref()),
        ("name", entry.name.as_deref()),
        ("number", entry.company_number.as_deref()),
        ("phone", entry.phone.as_deref()),
        ("email", entry.email.as_deref()),
    ];
    names.into_iter().filter_map(|(which, name)| name.map(|name| (which, name.trim())))
}

fn currency_number(letters: &str) -> i64 {
    use crate::endpoints::enums::{Currency, WireEnum};
    Currency::of_name(letters, false).map_or(0, Currency::number)
}

/// A short mark of something, the same in every life of the simulator.
pub(crate) fn mark(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// One step of the splitmix generator.
pub(crate) fn mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A key of fifty letters and digits, which follows from its arguments.
pub(crate) fn key_of(seed: u64, company: i64, which: &str) -> String {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = mark(&(seed, company, which));
    let letter = |_| {
        let at = usize::try_from(mix(&mut state) % 62).unwrap_or_default();
        LETTERS.get(at).copied().map_or('A', char::from)
    };
    (0..50).map(letter).collect()
}

/// A token in the form of a UUID, which follows from its arguments.
pub(crate) fn token_of(seed: u64, method: i64) -> String {
    let mut state = mark(&(seed, method, "token"));
    let (high, low) = (mix(&mut state), mix(&mut state));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn marketplace_details() -> Details {
    let text = |words: &str| Some(words.to_owned());
    Details {
        name: text("מרקטפלייס לדוגמה (בדיקות)"),
        email_address: text("marketplace@example.test"),
        phone: text("03-0000000"),
        corporate_number: text("510000003"),
        country: text("ישראל"),
        ..Details::default()
    }
}
