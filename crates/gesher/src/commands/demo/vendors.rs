//! The vendors that the demo opens from a file: the sample of the example flow, as it is given to everybody.

/// The file that opens them.
pub(super) const FILE: &str = "vendors.csv";
/// The sample of the example flow.
const CSV: &str = include_str!("../../../../../scripts/onboard-vendor/sample.csv");
/// Their handles, in the order of the sample. The first comes by a webhook, the others in the file.
pub(super) const HANDLES: [&str; 4] = ["dana", "noa-olives", "galil-gallery", "candles.avi"];

/// The file without its first vendor.
pub(super) fn others() -> String {
    CSV.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect()
}

/// A vendor as it came out.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// Its handle.
    pub(super) handle: String,
    /// Its organisation.
    pub(super) company: String,
    /// Where it stands at the end.
    pub(super) state: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handles_are_those_of_the_file() {
        let mut reader = csv::Reader::from_reader(CSV.as_bytes());
        let found: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
        assert_eq!(found, HANDLES);
    }

    #[test]
    fn the_file_holds_all_but_the_first() {
        let (others, whole) = (others(), CSV);
        assert!(!others.contains(HANDLES[0]) && whole.starts_with(others.lines().next().unwrap()));
        assert_eq!(others.lines().count() + 1, whole.lines().count());
        assert!(HANDLES[1..].iter().all(|handle| others.contains(handle)));
    }

    #[test]
    fn the_first_is_the_one_of_the_sample_call() {
        let sample: serde_json::Value = serde_json::from_str(crate::commands::new::VENDOR_JSON).unwrap();
        assert_eq!(sample["vendor"], HANDLES[0]);
        assert!(CSV.contains(sample["corporate_number"].as_str().unwrap()));
    }
}
