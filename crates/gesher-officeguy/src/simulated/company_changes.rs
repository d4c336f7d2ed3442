//! Plays what is changed of an organisation: its details, its modules, its account at Upay; and its quotas.

use super::changes::Change;
use super::companies::read_details;
use super::record::{Kind, Record};
use super::wire::refuse;
use super::world::{Caller, Terminal, World};
use super::{required, said, serve};
use crate::endpoints::companies::Company as Details;
use crate::endpoints::company_changes::{
    EmptyAnswer, InstallApplications, ListQuotas, ListQuotasAnswer, Quota, SetUpayCredentials, UpdateCompany,
};
use crate::endpoints::enums::{Application, WireEnum};
use gesher_provider::endpoint::Simulated;
use gesher_provider::simulate::{Answered, Call};

/// Writes a change of the caller's own books.
pub(super) fn change(world: &mut World, caller: Caller, change: Change) {
    let record =
        Record { kind: Kind::Change, company: caller.company, change: Some(change), ..Record::default() };
    world.commit(record, caller.at);
}

impl Simulated for UpdateCompany {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.object("Company")?.map(|company| read_details(&company)).transpose(),
            |world, caller, given| {
                required(call, &[("Company", given.is_some())])?;
                let details = merged(&world.company(caller.company).details, given.unwrap_or_default());
                change(world, caller, Change::Details(Box::new(details)));
                Ok(EmptyAnswer {})
            },
        )
    }
}

/// The details with those that were given.
fn merged(known: &Details, given: Details) -> Details {
    let either = |given: Option<String>, known: &Option<String>| given.or_else(|| known.clone());
    Details {
        name: either(given.name, &known.name),
        email_address: either(given.email_address, &known.email_address),
        documents_email_address: either(given.documents_email_address, &known.documents_email_address),
        country: either(given.country, &known.country),
        address: either(given.address, &known.address),
        phone: either(given.phone, &known.phone),
        fax: either(given.fax, &known.fax),
        title: either(given.title, &known.title),
        website: either(given.website, &known.website),
        corporate_number: either(given.corporate_number, &known.corporate_number),
        english_name: either(given.english_name, &known.english_name),
        english_address: either(given.english_address, &known.english_address),
        english_country: either(given.english_country, &known.english_country),
        english_phone: either(given.english_phone, &known.english_phone),
        english_fax: either(given.english_fax, &known.english_fax),
        english_title: either(given.english_title, &known.english_title),
        company_type: given.company_type.or(known.company_type),
        logo: either(given.logo, &known.logo),
    }
}

impl Simulated for InstallApplications {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| body.list_of::<Application>("Applications"),
            |world, caller, installed| {
                required(call, &[("Applications", !installed.is_empty())])?;
                let installed = installed.into_iter().map(WireEnum::number).collect();
                change(world, caller, Change::Applications(installed));
                Ok(EmptyAnswer {})
            },
        )
    }
}

impl Simulated for SetUpayCredentials {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |body| Ok((body.text("EmailAddress")?, body.text("Password")?)),
            |world, caller, (address, password)| {
                required(
                    call,
                    &[("EmailAddress", said(address.as_ref())), ("Password", said(password.as_ref()))],
                )?;
                // How a wrong password is answered was never recorded: ours, and only for this one.
                if password.as_deref() == Some("wrong") {
                    return refuse("Upay credentials are incorrect");
                }
                change(world, caller, Change::UpayLinked);
                // An account that clears already needs nobody's approval.
                if world.company(caller.company).terminal != Terminal::Approved {
                    let approved =
                        Record { kind: Kind::TerminalApproved, company: caller.company, ..Record::default() };
                    world.commit(approved, caller.at);
                }
                Ok(EmptyAnswer {})
            },
        )
    }
}

impl Simulated for ListQuotas {
    type World = World;

    fn answer(world: &mut World, call: &Call<'_>) -> Answered {
        serve(
            world,
            call,
            |_| Ok(()),
            |world, caller, ()| {
                let books = world.company(caller.company);
                let of = |application: &str, statistic: &str, usage: usize, quota: i64| Quota {
                    application_name: Some(application.to_owned()),
                    statistic_name: Some(statistic.to_owned()),
                    usage: i64::try_from(usage).unwrap_or(i64::MAX),
                    quota,
                };
                let data = vec![
                    of("Accounting", "Documents", books.documents.len(), 1_000_000),
                    of("CRM", "Customers", books.customers.len(), 1_000_000),
                ];
                Ok(ListQuotasAnswer { data })
            },
        )
    }
}
