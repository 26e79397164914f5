//! Brokers end with the test program that started them, however it ends.

use std::{
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use weir_testkit::Broker;

const ALONE: &str = "WEIR_TEST_BROKER_OF_A_KILLED_PROGRAM";

/// Started again by the test below, with [`ALONE`] set: starts a broker, names its process and is killed.
#[test]
fn a_killed_programs_broker_ends() {
    if let Some(report) = std::env::var_os(ALONE) {
        let broker = Broker::start(&[]).unwrap();
        std::fs::write(report, format!("{} {}", broker.pid(), broker.dir().display())).unwrap();
        loop {
            std::thread::park();
        }
    }
    if crate::broker().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::a_killed_programs_broker_ends"])
        .env(ALONE, &report)
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let told = until(|| std::fs::read_to_string(&report).ok().filter(|text| !text.is_empty()));
    let (pid, dir) = told.split_once(' ').unwrap();
    // As a terminal's or an agent's kill does: the whole process group, without notice.
    let group = format!("-{}", program.id());
    assert!(Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
    program.wait().unwrap();
    until(|| (!Path::new("/proc").join(pid).exists() && !Path::new(dir).exists()).then_some(()));
}

/// Waits for a value, for two minutes at most.
fn until<T>(mut value: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(value) = value() {
            return value;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("nothing came within two minutes");
}
