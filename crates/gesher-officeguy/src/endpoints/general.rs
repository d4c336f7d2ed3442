//! `/accounting/general/`: the rates of currencies, and whether a bank account is one.

use super::shared::{Double, WireDate};
use super::wire::{answer, endpoint, request};

endpoint! {
    /// What one currency was worth in another.
    GetExchangeRate = "/accounting/general/getexchangerate/", GetExchangeRateRequest => GetExchangeRateAnswer
}
endpoint! {
    /// Whether the numbers of a bank account can be right.
    VerifyBankAccount =
        "/accounting/general/verifybankaccount/", VerifyBankAccountRequest => VerifyBankAccountAnswer
}

request! {
    /// Of which day and currencies.
    GetExchangeRateRequest {
        must {
            /// From which, by its letters, such as `USD`.
            #[schemars(length(min = 3))]
            currency_from "Currency_From": String,
            /// Into which, by its letters, such as `ILS`.
            #[schemars(length(min = 3))]
            currency_to "Currency_To": String,
        }
        may {
            /// The day; today unless said otherwise.
            date "Date": WireDate,
        }
    }
}
request! {
    /// Which account.
    VerifyBankAccountRequest {
        must {
            /// The bank's number, such as 12.
            bank_code "BankCode": i32,
            /// The branch's number.
            branch_code "BranchCode": i32,
            /// The account's number: a number here, so that zeros in front of it are lost.
            account_number "AccountNumber": i32,
        }
        may {
            /// Whether the branch is looked up too.
            verify_branch_number "VerifyBranchNumber": bool,
            /// Whether it is looked up if the account is limited by the Bank of Israel.
            verify_limited_account "VerifyLimitedAccount": bool,
        }
    }
}
answer! {
    /// The rate.
    GetExchangeRateAnswer {
        /// How much of the second currency one of the first was worth.
        rate "Rate": Double,
    }
}
answer! {
    /// What is known of the account. Null stands for not asked, or not known.
    VerifyBankAccountAnswer {
        /// Whether the number can be one of that bank's.
        result "Result": Option<bool>,
        /// Whether there is such a branch.
        valid_branch "ValidBranch": Option<bool>,
        /// Whether the account is limited.
        is_limited_account "IsLimitedAccount": Option<bool>,
    }
}
