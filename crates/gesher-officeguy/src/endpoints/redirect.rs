//! `/billing/payments/beginredirect/`: a page of the provider on which a customer pays.

use super::charge::ChargeItem;
use super::enums::{DocumentLanguage, DocumentType};
use super::shared::Customer;
use super::wire::{answer, endpoint, request};
use gesher_core::money::Quantity;

endpoint! {
    /// Prepares a page. Money moves only when the customer pays there.
    BeginRedirect = "/billing/payments/beginredirect/", BeginRedirectRequest => BeginRedirectAnswer
}

request! {
    /// Who pays what, and where the customer goes afterwards.
    BeginRedirectRequest {
        must {
            /// Who pays.
            customer "Customer": Customer,
            /// What is paid for.
            #[schemars(length(min = 1))]
            items "Items": Vec<ChargeItem>,
            /// Whether the prices hold VAT already. Without it the provider would add VAT.
            vat_included "VATIncluded": bool,
        }
        may {
            /// The VAT in percent; without it, the organisation's.
            vat_rate "VATRate": Quantity,
            /// The kind of document that the payment makes.
            document_type "DocumentType": DocumentType,
            /// Instalments that the customer may choose at most; 0 for none.
            maximum_payments "MaximumPayments": i32,
            /// How long the page lives, in hours: 1 to 240, and 1 unless said otherwise.
            expiration_hours "ExpirationHours": i32,
            /// The page's language.
            language "Language": DocumentLanguage,
            /// Whether the organisation gets a mail of a payment.
            update_organization_on_success "UpdateOrganizationOnSuccess": bool,
            /// Whether the organisation gets a mail of a refusal.
            update_organization_on_failure "UpdateOrganizationOnFailure": bool,
            /// Whether the customer gets a mail of the payment.
            update_customer_on_success "UpdateCustomerOnSuccess": bool,
            /// Whether the document is a draft.
            draft_document "DraftDocument": bool,
            /// Whether the card does not become the customer's own method.
            prevent_saving_payment_method "PreventSavingPaymentMethod": bool,
            /// The fewest instalments on credit.
            minimum_payments_credit "MinimumPaymentsCredit": i32,
        }
        text {
            /// Where the customer goes after paying; the provider adds `OG-CustomerID`, `OG-PaymentID` and
            /// `OG-ExternalIdentifier` to it. Nothing signs them: look the payment up.
            redirect_url "RedirectURL",
            /// Where the customer goes who does not pay.
            cancel_redirect_url "CancelRedirectURL",
            /// Your reference. It comes back in the address, and is kept nowhere.
            external_identifier "ExternalIdentifier",
            /// The address that gets the document.
            send_update_by_email_address "SendUpdateByEmailAddress",
            /// The page's heading; the organisation's name unless said otherwise.
            header "Header",
            /// Words on the document.
            document_description "DocumentDescription",
            /// The terms that the customer has to agree to.
            terms_id "TermsID",
            /// The terminal, where there are several.
            merchant_number "MerchantNumber",
            /// Where the provider says that something was paid, as a form with `documentid` and `customerid`. It is no
            /// part of the published fields, but of the published sample.
            ipn_url "IPNURL",
            /// A payment page beyond this one, such as `UpayBit`; of the published sample only.
            automatically_redirect_to_provider_payment_page "AutomaticallyRedirectToProviderPaymentPage",
            /// The page's looks; of the published sample only.
            theme "Theme",
        }
    }
}
answer! {
    /// The page.
    BeginRedirectAnswer {
        /// Where to send the customer.
        redirect_url "RedirectURL": Option<String>,
    }
}
