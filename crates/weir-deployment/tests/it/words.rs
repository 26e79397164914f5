use weir_deployment::{Outcome, StepOutcome};
use weir_testkit::serde_reads_words;

#[test]
fn serde_has_the_names_of_as_str() {
    serde_reads_words(Outcome::ALL);
    serde_reads_words(StepOutcome::ALL);
}
