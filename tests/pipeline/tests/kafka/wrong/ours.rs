//! Faults in the plan, or on the machine that weir runs on.

use std::fs;

use super::{Case, DEPLOY, PLAN, place::Place};

/// Prefix of a command that runs it as a user bound by file permissions, even if the tests run as root.
const BOUND: &str =
    "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set=-dac_override --inh-caps=-dac_override \"$@\"; fi;";

/// Makes the folder read-only.
fn read_only(place: &mut Place<'_>, folder: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(place.folder.at(folder), fs::Permissions::from_mode(0o555)).unwrap();
    place.shell(BOUND);
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "the plan was edited",
        exit: 1,
        set_up: |place| {
            place.plan();
            place.edit("plan.json", "\"partitions\": 2", "\"partitions\": 9");
        },
        line: DEPLOY,
    },
    Case {
        name: "the plan was cut short",
        exit: 1,
        set_up: |place| {
            place.plan();
            let text = place.folder.read("plan.json");
            let (before, _) = text.split_once("\"steps\": [").unwrap();
            place.folder.write("plan.json", before);
        },
        line: DEPLOY,
    },
    Case { name: "there is no plan", exit: 2, set_up: |_| {}, line: DEPLOY },
    Case {
        name: "the plan is of another workspace",
        exit: 1,
        set_up: |place| {
            place.plan();
            place.edit("weir.yaml", "{name: onprem}", "{name: other}");
        },
        line: DEPLOY,
    },
    Case {
        name: "the plan is of a stage that is no more",
        exit: 1,
        set_up: |place| {
            place.plan();
            place.edit("weir.yaml", "- name: dev", "- name: test");
        },
        line: DEPLOY,
    },
    Case {
        name: "another plan was approved",
        exit: 1,
        set_up: |place| place.plan(),
        line: "weir-deploy plan.json --digest sha256:0000000000000000000000000000000000000000000000000000000000000000",
    },
    Case {
        name: "plans of the stage need approval",
        exit: 1,
        set_up: |place| {
            place.edit("weir.yaml", "      cluster: onprem\n", "      cluster: onprem\n      approval: required\n");
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "more risk than is allowed",
        exit: 1,
        set_up: |place| {
            place.create_topic(".old", 1);
            place.append("kind: Topic\nmetadata: {name: old, team: toll}\nspec: {ensure: absent}");
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "nobody says where API keys are stored",
        exit: 6,
        set_up: |place| place.edit("weir.yaml", "  secrets: {folder: {path: .weir}}\n", ""),
        line: PLAN,
    },
    Case {
        name: "the vaults' folder is a file",
        exit: 6,
        set_up: |place| {
            place.folder.write("vault", "");
            place.edit("weir.yaml", "path: .weir", "path: vault");
        },
        line: PLAN,
    },
    Case {
        name: "the vaults' folder cannot be written any more",
        exit: 5,
        set_up: |place| {
            place.plan();
            read_only(place, ".weir");
        },
        line: "weir-deploy plan.json --journal journal.jsonl",
    },
    Case {
        name: "the journal's folder cannot be written",
        exit: 6,
        set_up: |place| {
            place.plan();
            fs::create_dir(place.folder.at("journals")).unwrap();
            read_only(place, "journals");
        },
        line: "weir-deploy plan.json --journal journals/run.jsonl",
    },
    Case {
        name: "another deployment is under way",
        exit: 6,
        set_up: |place| {
            place.plan();
            let journal = fs::File::create(place.folder.at("journal.jsonl")).unwrap();
            journal.lock().unwrap();
            place.hold(journal);
        },
        line: "weir-deploy plan.json --journal journal.jsonl",
    },
    Case {
        name: "the journal is something else",
        exit: 6,
        set_up: |place| {
            place.plan();
            place.folder.write("notes.txt", "buy milk\n");
        },
        line: "weir-deploy plan.json --journal notes.txt",
    },
    Case {
        name: "the disk is full before anything is begun",
        exit: 6,
        set_up: |place| {
            place.plan();
            place.shell("ulimit -f 0; trap '' XFSZ;");
        },
        line: "weir-deploy plan.json --journal journal.jsonl",
    },
    Case {
        name: "the disk is full in the middle",
        exit: 5,
        set_up: |place| {
            place.plan();
            place.shell("ulimit -f 2; trap '' XFSZ;");
        },
        line: "weir-deploy plan.json --journal journal.jsonl",
    },
    Case {
        name: "there is no folder for the receipt",
        exit: 2,
        set_up: |place| place.plan(),
        line: "weir-deploy plan.json --receipt out/receipt.json",
    },
    Case {
        name: "no room for the receipt",
        exit: 6,
        set_up: |place| place.plan(),
        line: "weir-deploy plan.json --receipt /dev/full",
    },
    Case { name: "no room for the plan", exit: 6, set_up: |_| {}, line: "weir-plan --stage dev --out /dev/full" },
];
