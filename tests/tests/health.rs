//! What a monitor asks: is the process alive, and does it take work.

#![allow(clippy::unwrap_used, reason = "test code")]

use gesher_tests::serve::http_get;
use gesher_tests::{FakeProvider, Hub, Serving, charges_csv, until};

#[test]
fn healthz_and_readyz_are_200_while_the_hub_serves_and_silent_after() {
    let hub = Hub::template("he");
    let serving = hub.serve();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(serving.get(path).unwrap().0, 200, "{path}");
    }
    assert_eq!(serving.get("/nothing-here").unwrap().0, 404);
    assert_eq!(serving.stop().code, 0);
    assert_eq!(http_get(hub.port(), "/healthz"), None);
}

#[test]
fn readyz_is_never_200_before_files_are_taken() {
    let provider = FakeProvider::approving();
    let hub = Hub::bulk("en", provider.base_url());
    hub.drop_file("march.csv", charges_csv(1, 1));
    let mut serving = Serving::start_unready(&hub);
    until("/readyz", 30, || {
        assert!(serving.process.runs(), "{}", serving.process.words());
        serving.get("/readyz").filter(|(status, _)| *status == 200)
    });
    // From now on a drop needs no more than the settle time and a look.
    hub.drop_file("april.csv", charges_csv(2, 1));
    until("the file to be taken", 4, || (!hub.inbox("april.csv").exists()).then_some(()));
    hub.wait_done("april.csv");
}
