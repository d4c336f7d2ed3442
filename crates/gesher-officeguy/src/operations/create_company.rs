//! `officeguy.create_company`: open an organisation for a vendor and keep its keys in the vault.
//!
//! The provider cannot be asked whether one exists, and each call opens and bills another, so it happens once per
//! vendor, and an unknown outcome is for a person.

use super::PROVIDER;
use crate::classify::{open, unsure};
use crate::endpoints::companies::{CreateCompany as Wire, CreateCompanyAnswer, CreateCompanyRequest};
use crate::envelope::{self, field, id, text};
use crate::evidence::{EXCERPT, with_data};
use crate::keys::VendorKeys;
use crate::rules::{self, refuse};
use gesher_core::operation::{Facts, Prepared, Reply};
use gesher_core::outcome::SealedEntry;
use gesher_core::{
    Descriptor, Effect, Example, Json, KeyRule, LookUp, Operation, Outcome, OutcomeStatus, Rejection, Sender,
    Text, VendorHandle, VendorRole,
};
use gesher_provider::endpoint::Endpoint;
use serde_json::{Value, json};

/// What of the answer nobody sees. The passwords are dropped; the keys go into the vault.
const SECRETS: &[&str] = &["APIKey", "APIPublicKey", "UserPassword", "UserEncryptedPassword"];

/// The operation.
pub(crate) struct CreateCompany;

impl Operation for CreateCompany {
    const DESCRIPTOR: Descriptor = Descriptor {
        provider: PROVIDER,
        name: "create_company",
        summary: "Open an organisation for a vendor, billed to the marketplace, and keep its keys in the vault.",
        endpoint: Wire::PATH,
        effect: Effect::Write,
        key: KeyRule::OncePerVendor,
        look_up: LookUp::Manual,
        sender: Sender::Marketplace,
    };
    const VENDOR: VendorRole = VendorRole::Opens;
    const EXAMPLES: &'static [Example] = &[Example {
        title: "Open an organisation that can clear cards",
        who: "dana-pottery",
        key: None,
        request: r#"{
            "Company": {"Name": "קרמיקה של דנה", "EmailAddress": "dana@example.test", "Phone": "050-0000001",
                "CorporateNumber": "300000007", "CompanyType": "LicensedDealer", "Address": "רחוב הבדיקה 1, חיפה"},
            "Applications": ["CreditCard", "Accounting"],
            "BizPackage": "P1",
            "ApprovePayment": true
        }"#,
        answer: r#"{"CompanyID": "*"}"#,
    }];
    type Request = CreateCompanyRequest;
    type Answer = CreateCompanyAnswer;

    fn rules(request: &CreateCompanyRequest) -> Result<(), Rejection> {
        rules::no_card_data(request)?;
        if !request.approve_payment {
            return Err(refuse(
                "not_approved",
                "ApprovePayment: פתיחת ארגון מחייבת את אמצעי התשלום של המרקטפלייס; יש לאשר עם true",
                "ApprovePayment: the plan is charged to the marketplace's payment method; say true to approve it",
            ));
        }
        let company = &request.company;
        let needed = [
            ("Name", &company.name),
            ("CorporateNumber", &company.corporate_number),
            ("Phone", &company.phone),
            ("EmailAddress", &company.email_address),
        ];
        for (name, value) in needed {
            if value.is_none() {
                return Err(refuse(
                    "missing_field",
                    format!("Company.{name}: שדה חובה; בלעדיו הארגון לא יוכל לחייב"),
                    format!(
                        "Company.{name}: this field is required; without it the organisation could not charge"
                    ),
                ));
            }
        }
        rules::corporate_number(company.corporate_number.as_deref())
    }

    fn facts(request: &CreateCompanyRequest) -> Facts {
        let company = &request.company;
        let number = company.corporate_number.as_ref();
        Facts {
            subject: number.map(|number| format!("CorporateNumber:{}", number.trim())),
            amount: None,
            // For the person who asks the provider.
            look_up: json!({ "Name": company.name, "CorporateNumber": number }),
        }
    }

    fn business(request: &CreateCompanyRequest) -> Option<&str> {
        request.company.corporate_number.as_deref()
    }

    fn classify(prepared: &Prepared, reply: &Reply) -> Outcome {
        let mut data = match open(reply, Effect::Write) {
            Ok(envelope) => envelope.data.into_tree(),
            Err(outcome) => return without_keys(*outcome),
        };
        let secrets = Value::Object(envelope::remove(&mut data, SECRETS));
        let company_id = id(field(&data, "CompanyID"));
        let (Some(company_id), Some(api_key)) = (company_id, text(field(&secrets, "APIKey"))) else {
            let why = Text::new(
                "בתשובה חסרים מזהה הארגון או מפתחותיו",
                "the answer lacks the organisation's id or keys",
            );
            return with_data(unsure(Effect::Write, "unreadable_answer", why), Effect::Write, data);
        };
        let Ok(handle) = prepared.who.parse::<VendorHandle>() else {
            let why = Text::new("שם הספק אינו תקין", "the vendor's handle is not valid");
            return with_data(unsure(Effect::Write, "bad_vendor", why), Effect::Write, data);
        };
        let keys = VendorKeys { company_id, api_key, api_public_key: text(field(&secrets, "APIPublicKey")) };
        let message =
            Text::new(format!("נפתח ארגון {company_id}"), format!("Opened organisation {company_id}"));
        let mut outcome = Outcome::new(OutcomeStatus::Succeeded, "", message);
        outcome.code = None;
        outcome.reference = Some(company_id.to_string());
        outcome.sealed = vec![SealedEntry {
            name: handle.vault_name(PROVIDER),
            secret: keys.seal(),
            values: keys.account().secrets.into_values().collect(),
        }];
        outcome.data = data.into();
        outcome
    }
}

/// An outcome without what [`SECRETS`] names; a quote that speaks of one is dropped whole.
fn without_keys(mut outcome: Outcome) -> Outcome {
    let mut data = std::mem::take(&mut outcome.data).into_tree();
    envelope::remove(&mut data, SECRETS);
    outcome.data = data.into();
    let quote = field(&outcome.data, EXCERPT).as_str().unwrap_or_default().to_ascii_lowercase();
    if SECRETS.iter().any(|name| quote.contains(&name.to_ascii_lowercase())) {
        outcome.data = Json::default();
    }
    outcome
}
