//! What the hub would let a script see of itself, as a test mocks it: vendors, and the result of a run.

use super::answers::{bad_mock, refused};
use super::world::TestItem;
use gesher_core::Outcome;
use gesher_engine::{CallEnd, ResultText};
use rhai::{AST, Dynamic, EvalAltResult, FnPtr, FuncArgs, ImmutableString, Map};
use serde_json::{Value, json};

/// The look-up of a vendor, as it is mocked: `|handle| #{ state, company_id }`, or `()` for none.
pub(super) const VENDORS_GET: &str = "vendors.get";
/// The result of a run, as it is mocked: `|| "its text"`, or a throw.
pub(super) const RUN_RESULT: &str = "run.result";
/// The result that there is without a mock: that of a run without rows.
const NO_ROWS: &str =
    "\u{feff}gesher_line,gesher_status,gesher_reference,gesher_document,gesher_code,gesher_message\r\n";

impl TestItem {
    /// Asks the mock of `vendors.get`; without one there is no vendor.
    pub(super) fn mocked_vendor(&self, handle: &str) -> Result<Value, CallEnd> {
        let Some(mock) = self.mock_of(VENDORS_GET) else { return Ok(Value::Null) };
        let answer = self.looked(&mock, (ImmutableString::from(handle),));
        let answer = answer.map_err(|error| self.break_off(bad_mock(VENDORS_GET, &error.to_string())))?;
        let Some(fields) = answer.read_lock::<Map>() else { return Ok(Value::Null) };
        let text = |name: &str| fields.get(name).filter(|value| !value.is_unit()).map(ToString::to_string);
        Ok(json!({
            "handle": handle,
            "state": text("state"),
            "account": text("company_id"),
            "business": text("corporate_number"),
        }))
    }

    /// Asks the mock of `run.result`; without one it is that of a run without rows.
    pub(super) fn mocked_result(&self) -> Result<ResultText, CallEnd> {
        let named = |text: String| ResultText { name: "test.result.csv".into(), text, sha256: String::new() };
        let Some(mock) = self.mock_of(RUN_RESULT) else { return Ok(named(NO_ROWS.into())) };
        let bad = |why: &str| self.break_off(bad_mock(RUN_RESULT, why));
        match self.looked(&mock, ()) {
            Ok(answer) => {
                let text = answer.into_string();
                text.map(named).map_err(|given| bad(&format!("it answers {given}, and not a text")))
            }
            Err(error) => {
                let outcome: Outcome = refused(*error).map_err(|why| bad(&why))?;
                Err(self.settled(RUN_RESULT, false, None, outcome).err().unwrap_or(CallEnd::Ended))
            }
        }
    }

    fn looked(&self, mock: &FnPtr, arguments: impl FuncArgs) -> Result<Dynamic, Box<EvalAltResult>> {
        mock.call(&self.bench().engine(), &AST::empty(), arguments)
    }
}
