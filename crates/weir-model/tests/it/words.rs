use weir_model::{
    Ensure, Operation, PatternType, Permission, PolicyKind, Projection, Resource, SaslMechanism, SecretPart,
    SecurityProtocol, VaultLogin,
};
use weir_testkit::serde_reads_words;

#[test]
fn serde_has_the_names_of_as_str() {
    serde_reads_words(Ensure::ALL);
    serde_reads_words(Operation::ALL);
    serde_reads_words(Permission::ALL);
    serde_reads_words(PatternType::ALL);
    serde_reads_words(PolicyKind::ALL);
    serde_reads_words(Projection::ALL);
    serde_reads_words(Resource::ALL);
    serde_reads_words(SaslMechanism::ALL);
    serde_reads_words(SecretPart::ALL);
    serde_reads_words(SecurityProtocol::ALL);
    serde_reads_words(VaultLogin::ALL);
}
