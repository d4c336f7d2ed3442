//! What `il::` offers, for the documentation, for the checks, and for the tests that call each.

use crate::builtins::Builtin;

/// All functions of `il::`, by name.
pub(crate) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "il::add_bank_business_days",
        signature: "il::add_bank_business_days(date, days) or (date, days, closed) -> text",
        summary: "The date so many bank business days later, or earlier where `days` is negative.",
        example: r#"il::add_bank_business_days("2026-03-26", 3)"#,
    },
    Builtin {
        name: "il::allocation",
        signature: "il::allocation(net, date) -> #{ needed, threshold, message }",
        summary: "Whether a tax invoice to a dealer needs an allocation number: `needed` is yes, no or unknown; `net` is before VAT.",
        example: r#"il::allocation(5000.01, "2026-06-01").needed"#,
    },
    Builtin {
        name: "il::bank",
        signature: "il::bank(code) -> #{ code, name, merged_into } or ()",
        summary: "The bank of a code, and the code of the bank that took it over.",
        example: r#"il::bank(12).name"#,
    },
    Builtin {
        name: "il::check_bank_account",
        signature: "il::check_bank_account(bank, branch, account) -> #{ status, value, message }",
        summary: "Checks an account by its bank's rule; unknown where there is none. It warns: the bank has the last word.",
        example: r#"il::check_bank_account("12", "600", "1003").status"#,
    },
    Builtin {
        name: "il::check_company",
        signature: "il::check_company(number) -> #{ status, value, message, kind }",
        summary: "Checks the number of a company, an association or a dealer; `kind` is what its beginning suggests.",
        example: r#"il::check_company("512345679").kind"#,
    },
    Builtin {
        name: "il::check_iban",
        signature: "il::check_iban(iban) -> #{ status, value, message, bank, branch, account }",
        summary: "Checks an Israeli IBAN and takes it apart; one of another country is unknown.",
        example: r#"il::check_iban("IL620108000000099999999").branch"#,
    },
    Builtin {
        name: "il::check_id",
        signature: "il::check_id(number) -> #{ status, value, message }",
        summary: "Checks an identity number and gives back its leading zeros; what may be a passport's is unknown.",
        example: r#"il::check_id("123456782").status"#,
    },
    Builtin {
        name: "il::check_phone",
        signature: "il::check_phone(phone) -> #{ status, value, message, kind, international }",
        summary: "Brings a phone number into the form 0501234567; `kind` is mobile, landline, voip, special, foreign or other.",
        example: r#"il::check_phone("+972-50-123-4567").value"#,
    },
    Builtin {
        name: "il::date_text",
        signature: "il::date_text(date) -> text",
        summary: "A date as 27/03/2026, as Senzey takes it.",
        example: r#"il::date_text("2026-03-27")"#,
    },
    Builtin {
        name: "il::day",
        signature: "il::day(date) -> map",
        summary: "What a day is in Israel: weekday, shabbat, yom_tov, erev_shabbat, erev_yom_tov, hol_hamoed, holiday, bank_business_day, bank_day_ends.",
        example: r#"il::day("2026-09-12").holiday"#,
    },
    Builtin {
        name: "il::gregorian_date",
        signature: "il::gregorian_date(year, month, day) -> text",
        summary: "The date of a Hebrew date whose month is named in Hebrew or in Latin letters.",
        example: r#"il::gregorian_date(5787, "Tishri", 1)"#,
    },
    Builtin {
        name: "il::hebrew_date",
        signature: "il::hebrew_date(date) -> #{ year, month, day, leap, text }",
        summary: "The Hebrew date of a day, in the hub's language.",
        example: r#"il::hebrew_date("2026-09-12").text"#,
    },
    Builtin {
        name: "il::is_bank_business_day",
        signature: "il::is_bank_business_day(date) or (date, closed) -> true or false",
        summary: "Whether banks settle payments on a day; `closed` is an array of further dates, such as an election day.",
        example: r#"il::is_bank_business_day("2026-03-28")"#,
    },
    Builtin {
        name: "il::is_rest_time",
        signature: "il::is_rest_time(instant) -> true or false",
        summary: "Whether it is Shabbat or a festival in Israel, from 16:00 on the eve until 21:00 on the last day.",
        example: r#"il::is_rest_time("2026-03-27T17:30:00+03:00")"#,
    },
    Builtin {
        name: "il::iso_date",
        signature: "il::iso_date(date) -> text",
        summary: "A date as 2026-03-27, from that form or from 27/03/2026, day first.",
        example: r#"il::iso_date("27/03/2026")"#,
    },
    Builtin {
        name: "il::next_bank_business_day",
        signature: "il::next_bank_business_day(date) or (date, closed) -> text",
        summary: "The day itself when banks work on it, else the next on which they do.",
        example: r#"il::next_bank_business_day("2026-03-28")"#,
    },
    Builtin {
        name: "il::period",
        signature: "il::period(date) -> text",
        summary: "The month of a date as 2026-03, for the key of a monthly charge.",
        example: r#"il::period("2026-03-27")"#,
    },
    Builtin {
        name: "il::previous_bank_business_day",
        signature: "il::previous_bank_business_day(date) or (date, closed) -> text",
        summary: "The day itself when banks work on it, else the last before it on which they did.",
        example: r#"il::previous_bank_business_day("2026-03-28")"#,
    },
    Builtin {
        name: "il::vat_added",
        signature: "il::vat_added(net, date) -> #{ rate, net, vat, total }",
        summary: "Adds the VAT of a day to an amount without it; the tax is rounded half away from zero.",
        example: r#"il::vat_added(100, "2026-03-27").total"#,
    },
    Builtin {
        name: "il::vat_included",
        signature: "il::vat_included(total, date) -> #{ rate, net, vat, total }",
        summary: "Takes the VAT of a day out of an amount that includes it; net and VAT are the total to the agora.",
        example: r#"il::vat_included(118, "2026-03-27").vat"#,
    },
    Builtin {
        name: "il::vat_rate",
        signature: "il::vat_rate(date) -> decimal or ()",
        summary: "The rate of VAT on a day in percent, such as 18; none before 1993.",
        example: r#"il::vat_rate("2026-03-27")"#,
    },
];
