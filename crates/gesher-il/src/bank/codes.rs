//! The banks of Israel and the other bodies that have a bank code.
//!
//! Codes are the Bank of Israel's; a bank that was merged keeps its code in old accounts. The card companies' codes
//! were being changed when this table was made and are left out. A code that is not here is no fault: new ones come, and
//! they grow from two digits to three.

/// One body with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bank {
    /// Its code.
    pub code: u16,
    /// Its name in Hebrew.
    pub he: &'static str,
    /// Its name in English.
    pub en: &'static str,
    /// The bank that took it over. Its old accounts still have the old code.
    pub merged_into: Option<u16>,
}

const fn is(code: u16, he: &'static str, en: &'static str) -> Bank {
    Bank { code, he, en, merged_into: None }
}

const fn was(code: u16, he: &'static str, en: &'static str, into: u16) -> Bank {
    Bank { code, he, en, merged_into: Some(into) }
}

/// All of them, by code.
pub const BANKS: &[Bank] = &[
    is(3, "בנק אש", "Esh Bank"),
    is(4, "בנק יהב", "Bank Yahav"),
    is(9, "בנק הדואר", "Postal Bank"),
    is(10, "בנק לאומי", "Bank Leumi"),
    is(11, "בנק דיסקונט", "Discount Bank"),
    is(12, "בנק הפועלים", "Bank Hapoalim"),
    was(13, "בנק אגוד", "Union Bank", 20),
    was(14, "בנק אוצר החייל", "Bank Otsar HaHayal", 31),
    is(15, "אופק", "Ofek"),
    is(17, "בנק מרכנתיל דיסקונט", "Mercantile Discount Bank"),
    is(18, "וואן זירו", "One Zero"),
    is(20, "בנק מזרחי טפחות", "Mizrahi Tefahot Bank"),
    is(21, "נימה", "Nima"),
    is(22, "סיטיבנק", "Citibank"),
    is(23, "HSBC", "HSBC"),
    was(26, "יובנק", "UBank", 31),
    is(31, "הבנק הבינלאומי הראשון", "First International Bank"),
    was(34, "בנק ערבי ישראלי", "Arab Israel Bank", 10),
    is(35, "גרו", "Grow"),
    is(39, "סטייט בנק אוף אינדיה", "State Bank of India"),
    is(46, "בנק מסד", "Bank Massad"),
    is(47, "גלובל רמיט", "Global Remit"),
    is(50, "מרכז סליקה בנקאי (מס\"ב)", "Bank Clearing Center (Masav)"),
    was(52, "בנק פועלי אגודת ישראל (פאג\"י)", "Bank Poaley Agudat Israel (PAGI)", 31),
    is(54, "בנק ירושלים", "Bank of Jerusalem"),
    is(58, "רווייר", "Rewire"),
    is(59, "שירותי בנק אוטומטיים (שב\"א)", "Automatic Bank Services (Shva)"),
    is(69, "ג'י.אם.טי", "GMT Tech"),
    is(75, "וי-צ'ק", "V-Check"),
    is(79, "019", "019"),
    is(92, "אוקורה", "Okoora"),
    is(94, "גאמא", "Gama"),
    is(99, "בנק ישראל", "Bank of Israel"),
];

/// The body with this code.
#[must_use]
pub fn bank(code: u16) -> Option<&'static Bank> {
    BANKS.binary_search_by_key(&code, |bank| bank.code).ok().and_then(|at| BANKS.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bank_is_found_by_its_code_and_what_took_it_over_is_a_bank() {
        assert!(BANKS.is_sorted_by(|a, b| a.code < b.code));
        for entry in BANKS {
            assert_eq!(bank(entry.code), Some(entry));
            assert!(!entry.he.is_empty() && !entry.en.is_empty());
            if let Some(into) = entry.merged_into {
                assert_eq!(bank(into).unwrap().merged_into, None, "{}", entry.en);
            }
        }
        assert_eq!(bank(12).unwrap().en, "Bank Hapoalim");
        assert_eq!(bank(0), None);
        assert_eq!(bank(101), None);
    }
}
