//! The key vaults on loopback, judged by Microsoft's own client library.

use std::{path::Path, process::Command};

use weir_testkit::keyvault::Vaults;

#[test]
fn microsofts_client_library_works_with_them() {
    if let Some(lacking) = Vaults::lacking() {
        return weir_testkit::skip(lacking);
    }
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/keyvault/judge");
    let output = Command::new(judge).output().expect("the judge can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("test_delete_and_recover") && said.trim_end().ends_with("OK"), "{said}");
}
