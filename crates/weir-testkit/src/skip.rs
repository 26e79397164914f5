//! Skips of tests whose surroundings are missing.

/// Reports that a test is skipped, with the reason. The test must then return.
///
/// # Panics
/// With `CI=true`: a skip in CI is a failure.
///
/// ```no_run
/// let Ok(address) = std::env::var("WEIR_TEST_KAFKA") else {
///     return weir_testkit::skip("WEIR_TEST_KAFKA names no broker");
/// };
/// # let _ = address;
/// ```
#[track_caller]
#[expect(clippy::print_stderr, reason = "a skip is reported beside the test's other output")]
pub fn skip(reason: &str) {
    let at = std::panic::Location::caller();
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "a test cannot run here: {reason} (at {at})");
    eprintln!("skipped: {reason} (at {at})");
}
