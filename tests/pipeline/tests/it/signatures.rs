//! Tests of signatures: a stage that lists keys deploys only what one of them signed.

use std::fs;

use serde_json::Value;
use weir_planning::Plan;
use weir_signature::SigningKey;

use crate::World;

/// The key of the crate's own tests, and another one.
const KEY: &str = include_str!("../../../../crates/weir-signature/tests/key.pem");
const OTHER: &str = include_str!("../../../../crates/weir-signature/tests/other.pem");

/// A workspace whose stage dev lists the first key.
fn world() -> World {
    let mut world = World::new();
    fs::write(world.path("key.pem"), KEY).expect("written");
    fs::write(world.path("other.pem"), OTHER).expect("written");
    let public = SigningKey::from_pem(KEY).expect("a key").public();
    let stage = "    - name: dev\n      cluster: nonprod\n";
    world.edit("weir.yaml", stage, &format!("{stage}      signedBy: [{public}]\n"));
    world.transcript.clear();
    world
}

#[test]
fn a_stage_deploys_only_what_its_keys_signed() {
    let mut world = world();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    assert_eq!(world.run("weir up --stage dev --yes"), 1);
    world.transcript.clear();
    assert_eq!(world.run("weir-plan --stage dev --format json --sign file:other.pem"), 2);
    assert_eq!(world.run("weir-plan --stage dev --format json --sign file:weir.yaml"), 2);
    assert_eq!(world.run("weir-plan --stage dev --format json --sign file:nowhere.pem"), 2);
    assert_eq!(world.run("weir-plan --stage dev --format json --sign env:NOT_SET"), 2);
    assert_eq!(world.run("weir-plan --stage dev --format json --sign key.pem"), 2);
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    insta::assert_snapshot!(world.said());

    assert_eq!(world.run("weir-plan --stage dev --out plan.json --sign file:key.pem"), 0, "{}", world.said());
    assert_eq!(world.run("weir-plan --stage dev --out again.json --sign file:key.pem"), 0, "{}", world.said());
    assert_eq!(world.read("plan.json"), world.read("again.json"));
    assert_eq!(world.run("weir-deploy plan.json --sign file:other.pem"), 2);
    let deploy = "weir-deploy plan.json --sign file:key.pem --receipt receipt.json";
    assert_eq!(world.run(deploy), 0, "{}", world.said());

    // A receipt that was changed is not the one that was signed. The unchanged one is refused for another reason.
    assert_eq!(world.run("weir-deploy plan.json --after receipt.json"), 1);
    assert!(world.said().contains("pass the receipt of a run on another plane"), "{}", world.said());
    let changed = world.read("receipt.json").replace("\"complete\"", "\"partial\"");
    fs::write(world.path("changed.json"), changed).unwrap();
    assert_eq!(world.run("weir-deploy plan.json --after changed.json"), 1);
    assert!(world.said().contains("is not the one that was signed"), "{}", world.said());
    let mut unsigned: Value = serde_json::from_str(&world.read("receipt.json")).unwrap();
    unsigned.as_object_mut().unwrap().remove("signature").unwrap();
    fs::write(world.path("unsigned.json"), unsigned.to_string()).unwrap();
    assert_eq!(world.run("weir-deploy plan.json --after unsigned.json"), 1);
    assert!(world.said().contains("the receipt of TIME has no signature"), "{}", world.said());
    assert_eq!(world.run("weir up --stage dev --yes --sign file:key.pem"), 0, "{}", world.said());
}

/// A digest that fits is no signature: neither of another plan, nor by a key that nobody listed.
#[test]
fn no_other_plan_has_the_signature() {
    let mut world = world();
    world.edit("weir.yaml", "      cluster: prod\n", "      cluster: prod\n      signedBy: []\n");
    assert_eq!(world.run("weir-plan --stage dev --out plan.json --sign file:key.pem"), 0, "{}", world.said());
    let signed = Plan::from_json(&world.read("plan.json")).unwrap();

    world.edit("toll.yaml", "retention.ms: 1d", "retention.ms: 2d");
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    let mut other = Plan::from_json(&world.read("plan.json")).unwrap();
    other.signature.clone_from(&signed.signature);
    fs::write(world.path("plan.json"), other.to_json()).unwrap();
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    assert!(world.said().contains("the plan is not the one that was signed"), "{}", world.said());

    let key = SigningKey::from_pem(OTHER).unwrap();
    let mut forged = signed.signature.clone().unwrap();
    forged.value = key.sign(signed.signed_message().as_bytes());
    let listed = forged.clone();
    forged.key = key.public().to_string();
    for signature in [listed, forged] {
        let mut forged = signed.clone();
        forged.signature = Some(signature);
        fs::write(world.path("plan.json"), forged.to_json()).unwrap();
        assert_eq!(world.run("weir-deploy plan.json"), 1, "{}", world.said());
    }
    // An empty list asks for nothing.
    assert_eq!(world.run("weir-plan --stage prod --out plan.json"), 0);
    let digest = Plan::from_json(&world.read("plan.json")).unwrap().digest;
    assert_eq!(world.run(&format!("weir-deploy plan.json --digest {digest}")), 0, "{}", world.said());
}
