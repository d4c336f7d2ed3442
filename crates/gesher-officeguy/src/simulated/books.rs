//! What charges and documents share: who the customer is, what the lines come to, how a document is numbered.

use super::record::{CustomerEntry, LineEntry};
use super::wire::{Fields, Refusal, refuse};
use super::world::World;
use crate::endpoints::enums::{CompanyType, Currency, CustomerSearch, ItemSearch};
use gesher_core::money::{Amount, Quantity, round_half_up};
use rust_decimal::Decimal;

/// A customer as a request names one.
#[derive(Clone, Debug, Default)]
pub(super) struct NamedCustomer {
    pub(super) entry: CustomerEntry,
    search: Option<CustomerSearch>,
}

impl NamedCustomer {
    pub(super) fn read(customer: &Fields<'_>) -> Result<Self, Refusal> {
        let text = |name| customer.text(name);
        for other in ["City", "Address", "ZipCode", "Folder"] {
            text(other)?;
        }
        Ok(Self {
            entry: CustomerEntry {
                id: customer.int("ID")?.unwrap_or_default(),
                name: text("Name")?,
                phone: text("Phone")?,
                email: text("EmailAddress")?,
                company_number: text("CompanyNumber")?,
                external: text("ExternalIdentifier")?,
                no_vat: customer.truth("NoVAT")?,
            },
            search: customer.one_of("SearchMode")?,
        })
    }
}

/// The customer of a request: found, or new. Says which id it has and the entry to write where it is new.
pub(super) fn resolve(
    world: &mut World,
    company: i64,
    named: NamedCustomer,
) -> Result<(i64, Option<CustomerEntry>), Refusal> {
    let entry = named.entry;
    let books = world.company(company);
    if entry.id > 0 {
        // The text of this refusal was never recorded: ours.
        return if books.customers.contains_key(&entry.id) {
            Ok((entry.id, None))
        } else {
            refuse("Customer not found")
        };
    }
    let found = match named.search.unwrap_or(CustomerSearch::None) {
        CustomerSearch::None => None,
        CustomerSearch::ExternalIdentifier => books.find("external", entry.external.as_deref()),
        CustomerSearch::Name => books.find("name", entry.name.as_deref()),
        CustomerSearch::CompanyNumber => books.find("number", entry.company_number.as_deref()),
        CustomerSearch::Phone => books.find("phone", entry.phone.as_deref()),
        CustomerSearch::EmailAddress => books.find("email", entry.email.as_deref()),
        // A new outer id keeps a customer from being taken for another who shares the address.
        CustomerSearch::Automatic if entry.external.is_some() => {
            books.find("external", entry.external.as_deref())
        }
        CustomerSearch::Automatic => books
            .find("email", entry.email.as_deref())
            .or_else(|| books.find("phone", entry.phone.as_deref()))
            .or_else(|| books.find("number", entry.company_number.as_deref()))
            .or_else(|| books.find("name", entry.name.as_deref())),
    };
    match found {
        Some(id) => Ok((id, None)),
        None => {
            let id = world.next.customer;
            world.next.customer += 1;
            Ok((id, Some(CustomerEntry { id, ..entry })))
        }
    }
}

/// A line as a request has it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: Option<String>,
    item_id: Option<i64>,
    quantity: Decimal,
    unit: Option<Decimal>,
    total: Option<Decimal>,
    pub(super) currency: Option<Currency>,
    description: Option<String>,
}

impl Line {
    /// Reads a line; the names of its sums differ between charges and documents.
    pub(super) fn read(line: &Fields<'_>, unit: &[&str], total: &[&str]) -> Result<Self, Refusal> {
        let item = line.object("Item")?;
        let (mut name, mut item_id) = (None, None);
        if let Some(item) = &item {
            name = item.text("Name")?;
            item_id = item.int("ID")?;
            item.one_of::<ItemSearch>("SearchMode")?;
            item.one_of::<Currency>("Currency")?;
            item.decimal("Price")?;
        }
        let first = |names: &[&str]| {
            let mut found = None;
            for name in names {
                found = found.or(line.decimal(name)?);
            }
            Ok(found)
        };
        Ok(Self {
            name,
            item_id,
            quantity: line.decimal("Quantity")?.unwrap_or(Decimal::ONE),
            unit: first(unit)?,
            total: first(total)?,
            currency: line.one_of("Currency")?,
            description: line.text("Description")?,
        })
    }

    fn entry(&self) -> Result<LineEntry, Refusal> {
        if self.name.is_none() && self.item_id.is_none() {
            return refuse("Missing Item details");
        }
        let product = self.unit.and_then(|unit| unit.checked_mul(self.quantity));
        let total = self.total.or(product).map(|total| round_half_up(total, 2)).unwrap_or_default();
        Ok(LineEntry {
            name: self.name.clone(),
            quantity: Quantity(self.quantity),
            unit: Quantity(self.unit.unwrap_or(total)),
            total: Amount(total),
            description: self.description.clone(),
        })
    }
}

/// The lines and what they come to.
pub(super) fn lines_of(lines: &[Line]) -> Result<(Vec<LineEntry>, Decimal), Refusal> {
    let entries = lines.iter().map(Line::entry).collect::<Result<Vec<_>, _>>()?;
    let sum = entries.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.total.0));
    match sum {
        Some(sum) => Ok((entries, sum)),
        None => refuse("Amount is too large"),
    }
}

/// Adds VAT to prices without it, where organisation and customer pay any.
pub(super) fn with_vat(world: &mut World, company: i64, no_vat: bool, sum: Decimal) -> Decimal {
    let exempt = world.company(company).details.company_type == Some(CompanyType::VATExemptDealer);
    if exempt || no_vat {
        return sum;
    }
    let gross = sum.checked_mul(Decimal::new(118, 2)).unwrap_or(sum);
    round_half_up(gross, 2)
}

/// Where a document can be fetched.
pub(super) fn download_url(document: i64) -> String {
    format!("https://pay.sumit.co.il/x/a/document/?id=simulated-{document}")
}
