use weir_findings::Severity;
use weir_testkit::serde_reads_words;

#[test]
fn serde_has_the_names_of_as_str() {
    serde_reads_words(Severity::ALL);
}
