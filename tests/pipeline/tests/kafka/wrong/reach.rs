//! Situations: the broker cannot be reached, or refuses the login.

use super::{Case, DEPLOY, PLAN};
use crate::scene::CANARY;

const SECURITY: &str = "security: {protocol: SASL_PLAINTEXT}";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a wrong password",
        exit: 6,
        set_up: |place| place.env("ONPREM_PASSWORD", "canary-7f3a9c-secret"),
        line: PLAN,
    },
    Case {
        name: "an unknown user",
        exit: 6,
        set_up: |place| {
            place.env("ONPREM_USERNAME", "nobody-at-all");
            place.env("ONPREM_PASSWORD", CANARY);
        },
        line: PLAN,
    },
    Case {
        name: "the password was changed after planning",
        exit: 6,
        set_up: |place| {
            place.plan();
            place.env("ONPREM_PASSWORD", CANARY);
        },
        line: DEPLOY,
    },
    Case {
        name: "PLAIN, for a user who has SCRAM only",
        exit: 6,
        set_up: |place| {
            place.user("only-scram");
            place.env("ONPREM_USERNAME", "only-scram");
            place.env("ONPREM_PASSWORD", CANARY);
            place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_PLAINTEXT, mechanism: PLAIN}");
        },
        line: PLAN,
    },
    Case {
        name: "SCRAM-SHA-256, for a user who has SCRAM-SHA-512 only",
        exit: 6,
        set_up: |place| {
            place.user("only-sha-512");
            place.env("ONPREM_USERNAME", "only-sha-512");
            place.env("ONPREM_PASSWORD", CANARY);
            place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_PLAINTEXT, mechanism: SCRAM-SHA-256}");
        },
        line: PLAN,
    },
    Case {
        name: "a login where the listener has none",
        exit: 6,
        set_up: |place| {
            let address = place.scene.broker.bootstrap_plaintext().to_owned();
            place.bootstrap(&address);
        },
        line: PLAN,
    },
    Case {
        name: "no login where the listener asks for one",
        exit: 6,
        set_up: |place| {
            place.edit("weir.yaml", "        credentials: {env: ONPREM}\n", "");
            place.edit("weir.yaml", SECURITY, "security: {protocol: PLAINTEXT}");
        },
        line: PLAN,
    },
    Case {
        name: "TLS where the listener has none",
        exit: 6,
        set_up: |place| place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_SSL}"),
        line: PLAN,
    },
    Case {
        name: "credentials for a protocol without a login",
        exit: 6,
        set_up: |place| place.edit("weir.yaml", SECURITY, "security: {protocol: SSL}"),
        line: PLAN,
    },
    Case {
        name: "no credentials for a protocol with a login",
        exit: 6,
        set_up: |place| place.edit("weir.yaml", "        credentials: {env: ONPREM}\n", ""),
        line: PLAN,
    },
    Case { name: "nobody listens", exit: 6, set_up: |place| place.bootstrap("127.0.0.1:1"), line: PLAN },
    Case {
        name: "nobody listens any more",
        exit: 6,
        set_up: |place| {
            place.plan();
            place.bootstrap("127.0.0.1:1");
        },
        line: DEPLOY,
    },
    Case {
        name: "a name that does not resolve",
        exit: 6,
        set_up: |place| place.bootstrap("broker.invalid:9092"),
        line: PLAN,
    },
    Case {
        name: "somebody listens and says nothing",
        exit: 6,
        set_up: |place| {
            let address = place.server(b"");
            place.bootstrap(&address);
        },
        line: PLAN,
    },
    Case {
        name: "somebody listens who is no broker",
        exit: 6,
        set_up: |place| {
            let address = place.server(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            place.bootstrap(&address);
        },
        line: PLAN,
    },
    Case {
        name: "an address without a port that is a number",
        exit: 1,
        set_up: |place| place.bootstrap("127.0.0.1:kafka"),
        line: PLAN,
    },
    Case { name: "an empty address", exit: 1, set_up: |place| place.bootstrap(""), line: PLAN },
    Case { name: "a user name is missing", exit: 6, set_up: |place| place.env("ONPREM_USERNAME", ""), line: PLAN },
    Case { name: "a password is missing", exit: 6, set_up: |place| place.env("ONPREM_PASSWORD", ""), line: PLAN },
    Case {
        name: "the CA file is not there",
        exit: 6,
        set_up: |place| place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_SSL, ca: ca.pem}"),
        line: PLAN,
    },
    Case {
        name: "the CA file holds no certificate",
        exit: 6,
        set_up: |place| {
            place.folder.write("ca.pem", "not a certificate\n");
            place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_SSL, ca: ca.pem}");
        },
        line: PLAN,
    },
    Case {
        name: "a CA file, and nothing is encrypted",
        exit: 6,
        set_up: |place| {
            place.folder.write("ca.pem", "not a certificate\n");
            place.edit("weir.yaml", SECURITY, "security: {protocol: SASL_PLAINTEXT, ca: ca.pem}");
        },
        line: PLAN,
    },
    Case {
        name: "another cluster than the expected one",
        exit: 1,
        set_up: |place| {
            let from = format!("clusterId: {}", place.scene.id);
            place.edit("weir.yaml", &from, "clusterId: 4L6g3nShT-eMCtK--X86sw");
        },
        line: PLAN,
    },
    Case {
        name: "another cluster than the plan was made for",
        exit: 1,
        set_up: |place| {
            place.plan();
            let from = format!("clusterId: {}", place.scene.id);
            place.edit("weir.yaml", &from, "clusterId: 4L6g3nShT-eMCtK--X86sw");
        },
        line: DEPLOY,
    },
];
