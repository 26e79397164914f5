use weir_planning::{Plane, Risk};
use weir_testkit::serde_reads_words;

#[test]
fn serde_has_the_names_of_as_str() {
    serde_reads_words(Plane::ALL);
    serde_reads_words(Risk::ALL);
}
