//! Situations: weir lacks a right that it needs.

use weir_model::Operation::{Alter, AlterConfigs, Create, Delete, Describe, DescribeConfigs};

use super::{Case, DEPLOY, PLAN};

pub(super) const CASES: &[Case] = &[
    Case { name: "no rights at all", exit: 6, set_up: |place| drop(place.may_only(&[], &[])), line: PLAN },
    Case {
        name: "may not describe the brokers' settings",
        exit: 6,
        set_up: |place| drop(place.may_only(&[Describe], &[Describe, DescribeConfigs])),
        line: PLAN,
    },
    Case {
        name: "may not list ACLs and SCRAM users",
        exit: 6,
        set_up: |place| drop(place.may_only(&[DescribeConfigs], &[Describe, DescribeConfigs])),
        line: PLAN,
    },
    Case {
        name: "may not describe topics",
        exit: 6,
        set_up: |place| drop(place.may_only(&[Describe, DescribeConfigs], &[])),
        line: PLAN,
    },
    Case {
        name: "may not describe topics' settings",
        exit: 6,
        set_up: |place| {
            place.deploy();
            place.may_only(&[Describe, DescribeConfigs], &[Describe]);
        },
        line: PLAN,
    },
    Case {
        name: "may only look",
        exit: 6,
        set_up: |place| {
            place.may_only(&[Describe, DescribeConfigs], &[Describe, DescribeConfigs]);
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "may not create topics",
        exit: 5,
        set_up: |place| {
            place.may_only(&[Describe, DescribeConfigs, Alter], &[Describe, DescribeConfigs]);
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "may not change ACLs",
        exit: 6,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "[{produce: passages}]", "[{produce: passages}, {consume: passages, group: g}]");
            place.may_only(&[Describe, DescribeConfigs], &[Describe, DescribeConfigs, Create]);
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "may not change settings",
        exit: 6,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 8d");
            place.may_only(&[Describe, DescribeConfigs, Alter], &[Describe, DescribeConfigs, Alter, Create]);
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "may not add partitions",
        exit: 6,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "partitions: 2", "partitions: 4");
            place.may_only(&[Describe, DescribeConfigs, Alter], &[Describe, DescribeConfigs, AlterConfigs, Create]);
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "may not delete topics",
        exit: 6,
        set_up: |place| {
            place.create_topic(".old", 1);
            place.deploy();
            place.append("kind: Topic\nmetadata: {name: old, team: toll}\nspec: {ensure: absent}");
            place.may_only(&[Describe, DescribeConfigs, Alter], &[Describe, DescribeConfigs, Create, Alter]);
            place.plan();
        },
        line: "weir-deploy plan.json --max-risk destroy",
    },
    Case {
        name: "may not change SCRAM users",
        exit: 6,
        set_up: |place| {
            place.edit("toll.yaml", "spec: {apiKeys: [{slot: default}]}", "spec: {apiKeys: []}");
            place.deploy();
            place.edit("toll.yaml", "spec: {apiKeys: []}", "spec: {apiKeys: [{slot: default}]}");
            place.may_only(&[Describe, DescribeConfigs], &[Describe, DescribeConfigs, Delete]);
            place.plan();
        },
        line: DEPLOY,
    },
];
