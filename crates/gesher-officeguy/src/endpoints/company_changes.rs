//! What is changed of an organisation that exists, and how much of its plan it has used.

use super::companies::Company;
use super::enums::Application;
use super::shared::HiddenText;
use super::wire::{answer, endpoint, request};

endpoint! {
    /// Changes an organisation's details; what is left out stays.
    UpdateCompany = "/website/companies/update/", UpdateCompanyRequest => EmptyAnswer
}
endpoint! {
    /// Installs modules in an organisation. Some cost money, which its payment method pays.
    InstallApplications =
        "/website/companies/installapplications/", InstallApplicationsRequest => EmptyAnswer
}
endpoint! {
    /// How much of each module's quota is used.
    ListQuotas = "/website/companies/listquotas/", ListQuotasRequest => ListQuotasAnswer
}
endpoint! {
    /// Ties an organisation to an account at Upay that exists already.
    SetUpayCredentials =
        "/billing/generalbilling/setupaycredentials/", SetUpayCredentialsRequest => EmptyAnswer
}

request! {
    /// The details to change.
    UpdateCompanyRequest {
        must {
            /// The organisation; fields that are left out stay as they are.
            company "Company": Company,
        }
    }
}
request! {
    /// The modules to install.
    InstallApplicationsRequest {
        must {
            /// Which; some cost money. Clearing cards needs `CreditCard` and `Accounting`.
            #[schemars(length(min = 1))]
            applications "Applications": Vec<Application>,
        }
    }
}
request! {
    /// Nothing but credentials is asked.
    ListQuotasRequest {}
}
request! {
    /// The account at Upay.
    SetUpayCredentialsRequest {
        must {
            /// The e-mail address by which Upay knows the vendor.
            #[schemars(length(min = 1))]
            email_address "EmailAddress": String,
            /// The vendor's password at Upay. It is sent and never kept, shown or logged.
            password "Password": HiddenText,
        }
    }
}
answer! {
    /// The provider answers no more than that it was done.
    EmptyAnswer {}
}
answer! {
    /// The quotas.
    ListQuotasAnswer {
        /// One of each module and count.
        data "Data": Vec<Quota>,
    }
}
answer! {
    /// How much is used of one quota.
    Quota {
        /// The module.
        application_name "ApplicationName": Option<String>,
        /// What is counted.
        statistic_name "StatisticName": Option<String>,
        /// How much was used.
        usage "Usage": i64,
        /// How much there is.
        quota "Quota": i64,
    }
}
