//! What a person is told about a step that nobody knows: that it must not be repeated, where to look, and what to say then.

use gesher_core::{Language, Stamp, Text};
use gesher_engine::journal::StepRecord;

/// The sentence above everything else.
pub(super) fn unknown(is_money: bool) -> Text {
    if is_money {
        Text::new(
            "איננו יודעים אם חויב. אין לחזור על החיוב.",
            "We do not know whether this was charged. Do not repeat it.",
        )
    } else {
        Text::new(
            "איננו יודעים אם בוצע. אין לחזור על הפעולה.",
            "We do not know whether this was done. Do not repeat it.",
        )
    }
}

/// Where a person looks, and for what. `sent` is the time of the intent as people read it.
pub(super) fn look_at(step: &StepRecord, is_money: bool, sent: &str) -> Text {
    if let Some(text) = noted(step) {
        return Text::new(format!("{}; נשלח ב־{sent}", text.he), format!("{}; sent at {sent}", text.en));
    }
    let account = &step.account;
    let (mut he, mut en) = if is_money {
        (format!("לחפש בחשבון {account} תשלום"), format!("in the account {account}, look for a payment"))
    } else {
        let operation = &step.operation;
        (
            format!("לבדוק בחשבון {account} אם {operation} בוצעה"),
            format!("in the account {account}, look whether {operation} was done"),
        )
    };
    if let Some(amount) = step.amount {
        he.push_str(&format!(" על סך {amount}"));
        en.push_str(&format!(" of {amount}"));
    }
    if let Some(subject) = &step.subject {
        he.push_str(&format!(" עבור {subject}"));
        en.push_str(&format!(" for {subject}"));
    }
    he.push_str(&format!(", מ־{sent} ואילך"));
    en.push_str(&format!(", from {sent} on"));
    if let Some(stamp) = step.stamp.as_deref().and_then(|stamp| stamp.parse::<Stamp>().ok()) {
        let stamp = stamp.in_text();
        he.push_str(&format!("; במסמך שלו כתוב {stamp}"));
        en.push_str(&format!("; its document says {stamp}"));
    }
    Text::new(he, en)
}

/// What the provider itself noted for the person who looks, where it cannot be asked.
pub(super) fn noted(step: &StepRecord) -> Option<Text> {
    serde_json::from_value(step.look_up.get("look_for")?.clone()).ok()
}

/// A few words in both languages. Commands, states and names are the same in either.
#[derive(Clone, Copy)]
pub(super) struct Word {
    he: &'static str,
    en: &'static str,
}

impl Word {
    const fn new(he: &'static str, en: &'static str) -> Self {
        Self { he, en }
    }

    pub(super) const fn get(self, language: Language) -> &'static str {
        match language {
            Language::He => self.he,
            Language::En => self.en,
        }
    }
}

/// The columns of the list.
const HEAD: [Word; 10] = [
    Word::new("צעד", "step"),
    Word::new("קובץ", "file"),
    Word::new("שורה", "line"),
    Word::new("פעולה", "operation"),
    Word::new("בשם", "who"),
    Word::new("סכום", "amount"),
    Word::new("לקוח", "customer"),
    Word::new("נשלח", "sent"),
    Word::new("מצב", "state"),
    Word::new("בירור הבא", "next look"),
];

/// The head of the list.
pub(super) fn head(language: Language) -> [&'static str; 10] {
    HEAD.map(|word| word.get(language))
}

/// Nobody looks but a person.
pub(super) const PERSONS: Word = Word::new("של אדם", "a person's");
/// It is looked up with the next round.
pub(super) const DUE: Word = Word::new("כעת", "due");
/// It is looked up once a hub has started.
pub(super) const AFTER_A_START: Word = Word::new("אחרי ההפעלה הבאה", "after the next start");
/// A person let other rows about the same subject go on.
pub(super) const UNLOCKED: Word = Word::new("הנעילה שוחררה", "unlocked");
/// What is to be done with each.
pub(super) const LOOK_EACH_UP: Word = Word::new(
    "יש לבדוק כל אחד מהם אצל הספק, ואז לרשום מה נמצא:",
    "Look each one up at the provider, and then say what you found:",
);

/// How many are not shown.
pub(super) fn more(count: usize) -> Text {
    Text::new(format!("ועוד {count}; ‎--json מציג את כולם"), format!("and {count} more; --json shows all"))
}

/// The commands by which a step is settled, and what each is for.
const HOW: [(&str, Word); 5] = [
    ("gesher unknown reconcile [STEP]", Word::new("שואל את הספק עכשיו", "asks the provider now")),
    (
        "gesher unknown resolve STEP --charged REF --reason TEXT",
        Word::new("חויב: REF הוא המזהה אצל הספק", "it was charged: REF is the provider's id of it"),
    ),
    (
        "gesher unknown resolve STEP --not-charged --reason TEXT",
        Word::new("לא חויב; מ־30 דקות אחרי השליחה", "it was not; from 30 minutes after it was sent"),
    ),
    (
        "gesher unknown resolve RUN.ROW --charged REF | --not-charged",
        Word::new("כך גם שורה שכל צעדיה הוכרעו", "the same for a row whose steps are settled"),
    ),
    (
        "gesher unknown unlock STEP --reason TEXT",
        Word::new("להמשיך עם אותו לקוח לפני שנודע", "go on with the same customer before it is known"),
    ),
];

/// How a step is settled.
pub(super) fn how(language: Language) -> String {
    let width = HOW.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    HOW.iter().map(|(command, does)| format!("  {command:<width$}  {}\n", does.get(language))).collect()
}
