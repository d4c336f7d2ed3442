//! What is changed of a vendor's organisation: `officeguy.update_company`, `install_applications`,
//! `set_upay_credentials`; and `list_quotas`.

use crate::endpoints::company_changes as wire;
use crate::envelope::field;
use crate::plain::{Plain, Request, nothing};
use crate::rules::{self, refuse};
use gesher_core::{Effect, Example, KeyRule, Outcome, Rejection, Text};
use serde_json::{Value, json};

/// Changes the organisation's details.
pub(crate) struct UpdateCompany;

impl Plain for UpdateCompany {
    type Wire = wire::UpdateCompany;
    const NAME: &'static str = "update_company";
    const SUMMARY: &'static str = "Change details of the vendor's organisation; what is left out stays.";
    const EFFECT: Effect = Effect::Write;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Complete what a charge would miss",
        who: "dana-pottery",
        key: Some("dana-pottery/details-2"),
        request: r#"{"Company": {"Phone": "050-0000002", "Website": "https://dana.example.test"}}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        let changes = serde_json::to_value(&request.company).unwrap_or_default();
        if changes.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(refuse(
                "nothing_to_change",
                "Company: יש לציין לפחות שדה אחד לעדכון",
                "Company: name at least one field to change",
            ));
        }
        rules::corporate_number(request.company.corporate_number.as_deref())
    }

    fn noted(request: &Request<Self>) -> Value {
        let changes = serde_json::to_value(&request.company).unwrap_or_default();
        json!({ "Fields": changes.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>()) })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("פרטי הארגון עודכנו", "The organisation's details were changed");
        nothing(data)
    }
}

/// Installs modules.
pub(crate) struct InstallApplications;

impl Plain for InstallApplications {
    type Wire = wire::InstallApplications;
    const NAME: &'static str = "install_applications";
    const SUMMARY: &'static str = "Install modules in the vendor's organisation, once; some cost money.";
    const EFFECT: Effect = Effect::Write;
    const KEY: KeyRule = KeyRule::OncePerVendor;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Let the vendor bill again and again",
        who: "dana-pottery",
        key: None,
        request: r#"{"Applications": ["RecurringBilling", "PurchasePages"]}"#,
        answer: "{}",
    }];

    fn rules(_: &Request<Self>) -> Result<(), Rejection> {
        Ok(())
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "Applications": request.applications })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message = Text::new("היישומים הותקנו", "The modules were installed");
        nothing(data)
    }
}

/// Ties the organisation to an account at Upay.
pub(crate) struct SetUpayCredentials;

impl Plain for SetUpayCredentials {
    type Wire = wire::SetUpayCredentials;
    const NAME: &'static str = "set_upay_credentials";
    const SUMMARY: &'static str = "Clear cards by an account that the vendor has at Upay already.";
    const EFFECT: Effect = Effect::Write;
    const KEY: KeyRule = KeyRule::OncePerVendor;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Link the vendor's own account at Upay",
        who: "dana-pottery",
        key: None,
        request: r#"{"EmailAddress": "dana@example.test", "Password": "as-the-vendor-typed-it"}"#,
        answer: "{}",
    }];

    fn rules(request: &Request<Self>) -> Result<(), Rejection> {
        rules::email("EmailAddress", &request.email_address)?;
        if request.password.is_empty() {
            return Err(refuse(
                "missing_field",
                "Password: יש למסור את הסיסמה של הספק אצל Upay",
                "Password: give the vendor's password at Upay",
            ));
        }
        Ok(())
    }

    fn noted(request: &Request<Self>) -> Value {
        json!({ "EmailAddress": request.email_address.trim() })
    }

    fn read(data: &Value, outcome: &mut Outcome) -> Option<()> {
        outcome.message =
            Text::new("חשבון Upay של הספק חובר לארגון", "The vendor's account at Upay was linked");
        nothing(data)
    }
}

/// How much of the quotas is used.
pub(crate) struct ListQuotas;

impl Plain for ListQuotas {
    type Wire = wire::ListQuotas;
    const NAME: &'static str = "list_quotas";
    const SUMMARY: &'static str = "List how much of each module's quota the organisation has used.";
    const EFFECT: Effect = Effect::Read;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "List the vendor's quotas",
        who: "dana-pottery",
        key: None,
        request: "{}",
        answer: r#"{"Data": "*"}"#,
    }];

    fn rules(_: &Request<Self>) -> Result<(), Rejection> {
        Ok(())
    }

    fn read(data: &Value, _: &mut Outcome) -> Option<()> {
        field(data, "Data").is_array().then_some(())
    }
}
