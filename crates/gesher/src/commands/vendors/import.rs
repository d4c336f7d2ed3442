//! `vendors import`: organisations that are there already, from a file with a line each: all of them, or none. Run again,
//! it changes nothing.

use super::keys::{refused, require_not_own, sealed_row, stored_keys};
use super::{PROVIDER, failure};
use crate::actor;
use crate::compose::store::Store;
use crate::config::{Config, Fault};
use crate::error::{Doing, HubError};
use crate::exit::Exit;
use crate::output::Output;
use gesher_core::key::clean_cell;
use gesher_core::{Secret, VendorHandle, business_number};
use gesher_engine::journal::{JournalError, KnownVendor, KnownVendors};
use gesher_engine::vendor_words;
use gesher_officeguy::vendor_secret;
use serde_json::json;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Largest file, in bytes: tens of thousands of vendors.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What is noted as the reason.
const REASON: &str = "imported";

/// A column, by its names in a header.
struct Column {
    names: &'static [&'static str],
    is_needed: bool,
}

const fn needed(names: &'static [&'static str]) -> Column {
    Column { names, is_needed: true }
}

/// The columns, in the order of [`Line`].
const COLUMNS: [Column; 5] = [
    needed(&["vendor", "handle", "name", "ספק"]),
    needed(&["company_id", "companyid", "מזהה ארגון"]),
    needed(&["api_key", "apikey", "מפתח"]),
    Column { names: &["api_public_key", "apipublickey", "מפתח ציבורי"], is_needed: false },
    Column {
        names: &["corporate_number", "corporatenumber", "מספר עוסק", "ח.פ."], is_needed: false
    },
];

/// A vendor of the file. Has no debug form: it would show the keys.
struct Line {
    /// Where it stands, from 1.
    number: usize,
    handle: VendorHandle,
    company_id: i64,
    key: Secret,
    public_key: Option<Secret>,
    business: Option<String>,
}

/// Brings the vendors of a file in.
pub(super) async fn run(output: Output, config: &Config, file: &Path) -> Result<Exit, HubError> {
    let shown = file.display().to_string();
    let text = read(file)?;
    let lines = parse(&shown, &text).map_err(|faults| faulty(&shown, faults))?;
    for line in &lines {
        require_not_own(config, line.company_id)
            .map_err(|error| faulty(&shown, vec![fault(&shown, line.number, &error.to_string())]))?;
    }
    let store = Store::open(config)?;
    let mut known = Vec::new();
    for line in &lines {
        known.extend(changed(&store, line).await?);
    }
    let (changes, total) = (known.len(), lines.len());
    if changes > 0 {
        let set = KnownVendors {
            vendors: known,
            actor: actor::current(),
            reason: REASON.to_owned(),
            at: store.now(),
        };
        store.journal.set_vendors(set).await.map_err(|error| match error {
            JournalError::Vendor { vendor, why } => {
                let number = lines.iter().find(|line| line.handle.as_str() == vendor);
                let number = number.map_or(0, |line| line.number);
                faulty(&shown, vec![fault(&shown, number, &vendor_words(&vendor, &why).en)])
            }
            other => failure(other, "storing the vendors"),
        })?;
    }
    output.json(&json!({ "imported": changes, "unchanged": total - changes, "vendors": total }));
    output.text(&format!("imported {changes}; {} were there already", total - changes));
    output.note(&format!("{shown} holds keys in the clear: remove it once you have seen `gesher vendors`"));
    Ok(Exit::Well)
}

/// What has to be written for a line; none where all of it is so already.
async fn changed(store: &Store, line: &Line) -> Result<Option<KnownVendor>, HubError> {
    let stored = stored_keys(store, &line.handle).await?;
    let secret = vendor_secret(stored.as_ref(), line.company_id, &line.key, line.public_key.as_ref());
    let secret = secret.map_err(refused)?;
    let has_keys = stored.is_some_and(|stored| stored == secret);
    let account = line.company_id.to_string();
    let found = store.journal.vendor(PROVIDER, line.handle.as_str()).await.doing("reading a vendor")?;
    let is_known = found.is_some_and(|found| {
        found.account.as_ref() == Some(&account)
            && (line.business.is_none() || found.business == line.business)
    });
    if has_keys && is_known {
        return Ok(None);
    }
    let sealed = if has_keys { None } else { Some(sealed_row(store, &line.handle, &secret)?) };
    Ok(Some(KnownVendor {
        provider: PROVIDER.to_owned(),
        handle: line.handle.as_str().to_owned(),
        account,
        business: line.business.clone(),
        sealed,
    }))
}

fn read(file: &Path) -> Result<String, HubError> {
    let cannot = || HubError::usage(format!("{} cannot be read", file.display()));
    let opened = std::fs::File::open(file).map_err(|error| cannot().because(error))?;
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| cannot().because(error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(cannot().hint(format!("it is larger than {FILE_BYTES_MAX} bytes; split it")));
    }
    let text = String::from_utf8(bytes).map_err(|_| cannot().hint("it is not UTF-8; save it as UTF-8"))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// A fault of a line. The line itself is not shown: it holds a key.
fn fault(file: &str, line: usize, what: &str) -> Fault {
    Fault { line, column: usize::from(line > 0), ..Fault::of_file(file, what, "") }
}

fn faulty(file: &str, faults: Vec<Fault>) -> HubError {
    let mut error = HubError::usage(format!("nothing of {file} was imported"))
        .hint("mend the lines that are named and import the whole file again");
    error.faults = faults;
    error
}

/// Reads the file: every vendor, or every fault.
fn parse(file: &str, text: &str) -> Result<Vec<Line>, Vec<Fault>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| vec![fault(file, 1, &broken(&error))])?.clone();
    let places = places(file, &header)?;
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        match record {
            Ok(record) => {
                let number = record.position().map_or(0, |at| usize::try_from(at.line()).unwrap_or(0));
                let cells = places.map(|place| {
                    place.and_then(|place| record.get(place)).map(clean_cell).unwrap_or_default()
                });
                match line(number, cells) {
                    Ok(line) => lines.push(line),
                    Err(what) => faults.push(fault(file, number, &what)),
                }
            }
            Err(error) => faults.push(fault(file, 0, &broken(&error))),
        }
    }
    faults.extend(repeated(file, &lines));
    if lines.is_empty() && faults.is_empty() {
        faults.push(fault(file, 1, "there is no line below the header"));
    }
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// What the reader says, without what it read.
fn broken(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => "it is no CSV".to_owned(),
    }
}

/// Where each column stands.
fn places(file: &str, header: &csv::StringRecord) -> Result<[Option<usize>; 5], Vec<Fault>> {
    let mut faults = Vec::new();
    let found = COLUMNS.map(|column| {
        let fits = |name: &str| column.names.contains(&clean_cell(name).to_lowercase().as_str());
        let place = header.iter().position(fits);
        if header.iter().filter(|name| fits(name)).count() > 1 {
            faults.push(fault(file, 1, &format!("the column {} is there twice", column.names[0])));
        }
        if place.is_none() && column.is_needed {
            faults.push(fault(
                file,
                1,
                &format!(
                    "the column {} is missing; the header is vendor,company_id,api_key, and if you like api_public_key and corporate_number",
                    column.names[0]
                ),
            ));
        }
        place
    });
    if faults.is_empty() { Ok(found) } else { Err(faults) }
}

fn line(number: usize, cells: [String; 5]) -> Result<Line, String> {
    let [handle, company_id, key, public_key, business] = cells;
    let handle: VendorHandle =
        handle.parse().map_err(|rejection: gesher_core::Rejection| rejection.message.en)?;
    let company_id = company_id.parse::<i64>().ok().filter(|id| *id > 0);
    let company_id = company_id.ok_or("company_id: digits are expected, such as 2410000222")?;
    let (key, public_key) = (Secret::new(key), Some(Secret::new(public_key)));
    let public_key = public_key.filter(|key| !key.expose().is_empty());
    vendor_secret(None, company_id, &key, public_key.as_ref()).map_err(|refused| refused.message.en)?;
    let number_of = business_number(&business);
    if number_of.is_none() && !business.is_empty() {
        return Err("corporate_number: this is no number of a business".to_owned());
    }
    Ok(Line { number, handle, company_id, key, public_key, business: number_of })
}

/// Lines that say of a vendor, an organisation or a business what an earlier line says of another.
fn repeated(file: &str, lines: &[Line]) -> Vec<Fault> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut faults = Vec::new();
    for line in lines {
        let mut names =
            vec![format!("the vendor {}", line.handle), format!("the organisation {}", line.company_id)];
        names.extend(line.business.as_ref().map(|business| format!("the business {business}")));
        for name in names {
            match seen.get(&name) {
                Some(first) => {
                    faults.push(fault(file, line.number, &format!("{name} stands in line {first} already")));
                }
                None => drop(seen.insert(name, line.number)),
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let faults = parse("v.csv", text).err().unwrap_or_default();
        let found: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.line, fault.what)).collect();
        assert_eq!(found.len(), want.len(), "{found:?}");
        for (found, want) in found.iter().zip(want) {
            assert!(found.starts_with(want), "{found}");
        }
    }

    const HEAD: &str = "vendor,company_id,api_key\n";

    #[test]
    fn each_fault_of_a_file_is_named_with_its_line_and_without_a_key() {
        check(&format!("{HEAD}dana,2410000222,KeyCanary\n"), &[]);
        check("ספק,מזהה ארגון,מפתח,מספר עוסק\r\n\"dana\",2410000222,K,300-000007\r\n", &[]);
        check("API_KEY , Company_ID,Handle,note\nK,7,dana,x\n", &[]);
        check("vendor,api_key\ndana,KeyCanary\n", &["1: the column company_id is missing"]);
        check("vendor,handle,company_id,api_key\nx,y,1,K\n", &["1: the column vendor is there twice"]);
        check(HEAD, &["1: there is no line"]);
        check("", &["1: the column vendor", "1: the column company_id", "1: the column api_key"]);
        check(
            &format!("{HEAD}Dana,1,K\nnoa,x,K\navi,-3,K\nshir,4,\nmarketplace,5,K\n"),
            &["2: `Dana` is no vendor", "3: company_id", "4: company_id", "5: ", "6: `marketplace`"],
        );
        check(
            &format!("{HEAD}dana,1,K\ndana,2,K\nnoa,1,K\n"),
            &["3: the vendor dana stands in line 2", "4: the organisation 1 stands in line 2"],
        );
        let twice = "vendor,company_id,api_key,corporate_number\na,1,K,0-30\nb,2,K,30\nc,3,K,000\n";
        check(twice, &["3: the business 30 stands in line 2", "4: corporate_number"]);
        check(&format!("{HEAD}dana,KeyCanary\n"), &["2: company_id"]);
        let all = parse("v.csv", &format!("{HEAD}KeyCanary,KeyCanary,Key\u{7}Canary\n")).err().unwrap();
        assert!(all.iter().all(|fault| fault.text.is_empty()), "{all:?}");
    }
}
