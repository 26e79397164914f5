//! From a folder to entities, plans and receipts.

mod attacker;
mod codeowners;
mod cost;
mod deploy;
mod deployed;
#[cfg(unix)]
mod git;
mod plan;
mod read;
mod teams;
mod trouble;

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

const WORKSPACE: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters:
    local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}
    cloud: {confluentCloud: {environment: env-1, cluster: lkc-1}}
    brokers: {apacheKafka: {bootstrap: \"b1:9092\", clusterId: x}}
  stages:
    - {name: dev, cluster: local}
    - {name: test, cluster: cloud}
    - {name: prod, cluster: brokers}
    - {name: lost, cluster: nowhere}
";

fn workspace(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "weir.yaml", WORKSPACE.as_bytes());
    for (path, bytes) in files {
        write(dir.path(), path, bytes);
    }
    dir
}

fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let path: PathBuf = dir.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, bytes).expect("written");
}
