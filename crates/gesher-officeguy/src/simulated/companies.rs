//! Plays the endpoints of organisations and terminals, and the rate of VAT.

use super::record::{CompanyEntry, Kind, Record};
use super::wire::{Fields, Moment, Refusal, refuse};
use super::world::{Caller, Terminal, World, key_of};
use super::{company_of, done, enveloped, required, said, serve};
use crate::endpoints::companies::{
    Company as Details, CreateCompany, CreateCompanyAnswer, GetCompany, GetCompanyAnswer,
};
use crate::endpoints::enums::{Application, BizPackage, CompanyType, UpayProgram, WireEnum};
use crate::endpoints::shared::Double;
use crate::endpoints::terminal::{OpenUpayTerminal, OpenUpayTerminalAnswer};
use crate::endpoints::vat::{GetVatRate, GetVatRateAnswer};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};
use rust_decimal::Decimal;

impl Simulated for CreateCompany {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(world, call, NewCompany::read, |world, caller, input| open(world, caller, call, input))
    }
}

struct NewCompany {
    details: Option<Details>,
    has_user: bool,
    package: Option<BizPackage>,
    approved: Option<bool>,
}

impl NewCompany {
    fn read(body: &Fields<'_>) -> Result<Self, Refusal> {
        let details = body.object("Company")?.map(|company| read_details(&company)).transpose()?;
        let user = body.object("User")?;
        body.list_of::<Application>("Applications")?;
        body.truth("HideFromCompaniesList")?;
        Ok(Self {
            details,
            has_user: user.is_some(),
            package: body.one_of("BizPackage")?,
            approved: body.maybe_truth("ApprovePayment")?,
        })
    }
}

pub(super) fn read_details(company: &Fields<'_>) -> Result<Details, Refusal> {
    Ok(Details {
        name: company.text("Name")?,
        email_address: company.text("EmailAddress")?,
        documents_email_address: company.text("DocumentsEmailAddress")?,
        country: company.text("Country")?,
        address: company.text("Address")?,
        phone: company.text("Phone")?,
        fax: company.text("Fax")?,
        title: company.text("Title")?,
        website: company.text("Website")?,
        corporate_number: company.text("CorporateNumber")?,
        english_name: company.text("English_Name")?,
        english_address: company.text("English_Address")?,
        english_country: company.text("English_Country")?,
        english_phone: company.text("English_Phone")?,
        english_fax: company.text("English_Fax")?,
        english_title: company.text("English_Title")?,
        company_type: company.one_of::<CompanyType>("CompanyType")?,
        logo: company.text("Logo")?,
    })
}

fn open(
    world: &mut World,
    caller: Caller,
    call: &Call<'_>,
    input: NewCompany,
) -> Result<CreateCompanyAnswer, Refusal> {
    required(
        call,
        &[
            ("Company", input.details.is_some()),
            ("BizPackage", input.package.is_some()),
            ("ApprovePayment", input.approved.is_some()),
        ],
    )?;
    // The text of this refusal was never recorded: ours.
    if input.approved != Some(true) {
        return refuse("ApprovePayment: יש לאשר את החיוב");
    }
    let id = world.next.company;
    let seed = world.options.seed;
    let record = Record {
        kind: Kind::Company,
        company: id,
        opened: Some(CompanyEntry {
            key_seed: seed,
            opened_by: caller.company,
            package: input.package.map_or(0, WireEnum::number),
            details: input.details.unwrap_or_default(),
        }),
        ..Record::default()
    };
    world.commit(record, caller.at);
    let password = input.has_user.then(|| key_of(seed, id, "password"));
    Ok(CreateCompanyAnswer {
        company_id: id,
        api_key: Some(key_of(seed, id, "private")),
        api_public_key: Some(key_of(seed, id, "public")),
        user_encrypted_password: password.as_ref().map(|password| format!("enc:{password}")),
        user_password: password,
    })
}

impl Simulated for GetCompany {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |_| Ok(()),
            |world, caller, ()| {
                Ok(GetCompanyAnswer { company: Some(world.company(caller.company).details.clone()) })
            },
        )
    }
}

impl Simulated for OpenUpayTerminal {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| {
                body.one_of::<UpayProgram>("Program")?;
                Ok((body.plain_int("BankCode")?, body.plain_int("BranchCode")?, body.text("AccountNumber")?))
            },
            |world, caller, (bank, branch, account)| {
                required(
                    call,
                    &[
                        ("BankCode", bank > 0),
                        ("BranchCode", branch > 0),
                        ("AccountNumber", said(account.as_ref())),
                    ],
                )?;
                let record =
                    Record { kind: Kind::TerminalRequested, company: caller.company, ..Record::default() };
                world.commit(record, caller.at);
                Ok(OpenUpayTerminalAnswer {})
            },
        )
    }
}

/// Decides about a terminal in the place of the people who do.
pub(super) fn decide_terminal(world: &mut World, call: &Call<'_>, approve: bool) -> Answered {
    let company = company_of(call).filter(|id| world.companies.contains_key(id));
    let Some(company) = company else {
        return enveloped::<()>(refuse("CompanyID: there is no such organisation"), call);
    };
    if world.company(company).terminal == Terminal::Absent {
        return enveloped::<()>(refuse("CompanyID: it has not asked for a terminal"), call);
    }
    let kind = if approve { Kind::TerminalApproved } else { Kind::TerminalRefused };
    world.commit(Record { kind, company, ..Record::default() }, call.at);
    done(world, enveloped(Ok(OpenUpayTerminalAnswer {}), call))
}

impl Simulated for GetVatRate {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.date("Date"),
            |world, caller, date| {
                let day = match date {
                    Some(Moment::Day(day)) => day,
                    Some(Moment::Local(at)) => at.date(),
                    Some(Moment::Instant(at)) => at.to_zoned(world.zone.clone()).date(),
                    None => caller.at.to_zoned(world.zone.clone()).date(),
                };
                let rate = if day < jiff::civil::Date::constant(2025, 1, 1) { 17 } else { 18 };
                Ok(GetVatRateAnswer { rate: Double(Decimal::from(rate)) })
            },
        )
    }
}
