//! weir's process, as the operating system and its children see it.

use std::{fs, process::Stdio};

use crate::World;

/// A core dump would hold new keys and passwords.
#[test]
#[cfg(target_os = "linux")]
fn no_program_dumps_core() {
    let world = World::new();
    for line in ["weir-plan show -", "weir-plan --stage dev --observed -", "weir-deploy -", "weir plan show -"] {
        // The program waits for its input.
        let mut child = world
            .command(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let limits = format!("/proc/{}/limits", child.id());
        let forbidden = || {
            let limits = fs::read_to_string(&limits).unwrap_or_default();
            let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
            line.split_whitespace().skip(4).take(2).eq(["0", "0"])
        };
        let seen = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            forbidden()
        });
        drop(child.stdin.take());
        child.wait().expect("it ends");
        assert!(seen, "{line}");
    }
}

/// Credentials of weir are in the environment of a pipeline's job. Git needs none of them.
#[test]
#[cfg(unix)]
fn git_gets_a_clean_environment() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let (git, seen) = (world.path("bin/git"), world.path("seen"));
    fs::create_dir_all(world.path("bin")).expect("a folder");
    fs::create_dir_all(world.path(".git")).expect("a folder");
    fs::write(world.path(".git/HEAD"), "ref: refs/heads/main\n").expect("written");
    fs::write(&git, format!("#!/bin/sh\nenv >> {}\nexit 1\n", seen.display())).expect("written");
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("a program");
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    let environment = [
        ("PATH", path.as_str()),
        ("ADM_PASSWORD", "canary"),
        ("CONFLUENT_CLOUD_API_SECRET", "canary"),
        ("VAULT_TOKEN", "canary"),
        ("SYSTEM_ACCESSTOKEN", "canary"),
        ("AZURE_CLIENT_SECRET", "canary"),
        ("GIT_EXTERNAL_DIFF", "canary"),
        ("GIT_CONFIG_PARAMETERS", "'core.fsmonitor=canary'"),
        ("GIT_SSH_COMMAND", "canary"),
        ("LD_PRELOAD_CANARY", "canary"),
        ("HTTPS_PROXY", "http://user:canary@proxy"),
    ];
    let mut command = world.command("weir-plan --stage dev");
    assert!(command.envs(environment).output().expect("it runs").status.success());
    let seen = fs::read_to_string(seen).expect("git was run");
    assert!(seen.contains("GIT_CONFIG_NOSYSTEM=1\n") && seen.contains("PATH=/"), "{seen}");
    assert!(!seen.contains("canary"), "git got more than it needs: {seen}");
}
