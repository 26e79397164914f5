//! Tests that need what is not there.

/// Says that a test is skipped, and why. The test then returns.
///
/// # Panics
/// With `CI=true`: where nobody watches, a skip is a failure.
///
/// ```no_run
/// let Ok(address) = std::env::var("WEIR_TEST_KAFKA") else {
///     return weir_testkit::skip("WEIR_TEST_KAFKA names no broker");
/// };
/// # let _ = address;
/// ```
#[track_caller]
#[expect(clippy::print_stderr, reason = "a skip says so where the test's other output is")]
pub fn skip(reason: &str) {
    let at = std::panic::Location::caller();
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "a test cannot run here: {reason} (at {at})");
    eprintln!("skipped: {reason} (at {at})");
}
