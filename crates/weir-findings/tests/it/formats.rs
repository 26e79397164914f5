//! The output of each format, and how its readers understand it.

use std::path::PathBuf;

use serde_json::Value;
use weir_findings::{Finding, RuleId, RulePage, Severity, Sources, Span, render};
use weir_testkit::schema::{Format, schema};

use crate::{TOPIC, plain, readers, span};

const PAGE: RulePage = RulePage {
    id: "unknown-field",
    severity: Severity::Error,
    waivable: None,
    title: "every field is known",
    what: "Every field is one that the kind has.",
    why: "A misspelt field that is passed over leaves the cluster as it was.",
    bad: "spec:\n  partitons: 6\n",
    good: "spec:\n  partitions: 6\n",
    remedy: "",
};

/// Returns findings of every severity, with every part that a finding can have.
fn sample() -> (Vec<Finding>, Sources) {
    let mut sources = Sources::default();
    let topic = sources.add("teams/toll & co/kafka.yaml", TOPIC.replace("partitions", "partitons"));
    let other = sources.add("weir.yaml", "spec:\n  profiles:\n    standard: {partitions: 12}\n");
    sources.add("teams/clean.yaml", "");
    let field = span(&sources, topic, "partitons");
    let findings = vec![
        Finding::error(RuleId::new("unknown-field"), field, "there is no field `partitons`")
            .help("did you mean `partitions`?")
            .fix("write `partitions`", field, "partitions")
            .related(span(&sources, other, "partitions"), "the profile has it right"),
        Finding::warning(RuleId::new("retention-short"), span(&sources, topic, "7d"), "retention of 7d is short; 100%")
            .note("whoever is on holiday for a week misses records"),
        Finding {
            severity: Severity::Info,
            ..Finding::error(RuleId::new("tidy"), span(&sources, other, "standard: {partitions: 12}\n"), "a remark")
        },
    ];
    (findings, sources)
}

#[test]
fn each_format_is_as_expected() {
    let (findings, sources) = sample();
    insta::assert_snapshot!("text", plain(&findings, &sources));
    insta::assert_snapshot!("json", render::json(&findings, &sources));
    insta::assert_snapshot!("sarif", render::sarif(&findings, &sources, "kafka/", &[&PAGE]));
    insta::assert_snapshot!("junit", render::junit(&findings, &sources));
    insta::assert_snapshot!(render::concise(&findings, &sources), @r"
    teams/toll & co/kafka.yaml:5:3: error[unknown-field]: there is no field `partitons`
    teams/toll & co/kafka.yaml:7:19: warning[retention-short]: retention of 7d is short; 100%
    weir.yaml:3:5: info[tidy]: a remark
    ");
    insta::assert_snapshot!(render::github(&findings, &sources, "kafka/"), @r"
    ::error file=kafka/teams/toll & co/kafka.yaml,line=5,endLine=5,col=3,endColumn=12,title=unknown-field::there is no field `partitons`%0Ahelp: did you mean `partitions`?
    ::warning file=kafka/teams/toll & co/kafka.yaml,line=7,endLine=7,col=19,endColumn=21,title=retention-short::retention of 7d is short; 100%25%0Anote: whoever is on holiday for a week misses records
    ::notice file=kafka/weir.yaml,line=3,endLine=4,title=tidy::a remark
    ");
    insta::assert_snapshot!(render::azure(&findings, &sources, "kafka/"), @r"
    ##vso[task.logissue type=error;sourcepath=kafka/teams/toll & co/kafka.yaml;linenumber=5;columnnumber=3;code=unknown-field;]there is no field `partitons`%0Ahelp: did you mean `partitions`?
    ##vso[task.logissue type=warning;sourcepath=kafka/teams/toll & co/kafka.yaml;linenumber=7;columnnumber=19;code=retention-short;]retention of 7d is short; 100%AZP25%0Anote: whoever is on holiday for a week misses records
    weir.yaml:3:5: info[tidy]: a remark
    ");
}

/// A value that thousands of topics inherit gives one finding, not thousands of lines.
#[test]
fn the_number_of_related_places_is_limited_in_every_format() {
    let mut sources = Sources::default();
    let profile = sources.add("weir.yaml", "retention.ms: 400d\n");
    let topics = sources.add("topics.yaml", "name: a-topic\n\n\n".repeat(4000));
    let finding = Finding::error(RuleId::new("long"), span(&sources, profile, "400d"), "is 400d");
    let findings = [(0..4000).fold(finding, |finding, n| {
        let at = Span::new(topics, n * 16..n * 16 + 4);
        finding.related(at, "takes it from here")
    })];
    let text = plain(&findings, &sources);
    assert!(text.lines().count() < 60 && text.contains("= note: and 3990 more places"), "{text}");
    let json: Value = serde_json::from_str(&render::json(&findings, &sources)).expect("JSON");
    let json = &json["findings"][0];
    assert_eq!(json["related"].as_array().map(Vec::len), Some(100));
    assert_eq!(json["moreRelated"], 3900);
    let sarif = render::sarif(&findings, &sources, "", &[]);
    assert!(sarif.len() < 100_000, "{}", sarif.len());
    let sarif: Value = serde_json::from_str(&sarif).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["relatedLocations"].as_array().map(Vec::len), Some(100));
    assert_eq!(result["message"]["text"], "is 400d\nand 3900 more places");
}

#[test]
fn no_findings_give_a_complete_document() {
    let (_, sources) = sample();
    assert_eq!(
        render::concise(&[], &sources) + &render::github(&[], &sources, "") + &render::azure(&[], &sources, ""),
        ""
    );
    let (cases, failures) = readers::junit(&render::junit(&[], &sources));
    assert_eq!((cases.len(), failures), (3, 0));
    let sarif: Value = serde_json::from_str(&render::sarif(&[], &sources, "", &[])).expect("JSON");
    assert_eq!(sarif["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn a_file_with_errors_is_a_failed_case() {
    let (mut findings, sources) = sample();
    findings.push(findings[0].clone());
    let (cases, failures) = readers::junit(&render::junit(&findings, &sources));
    assert_eq!(failures, 1);
    let paths: Vec<_> = cases.iter().map(|case| case.path.as_str()).collect();
    assert_eq!(paths, ["teams/clean.yaml", "teams/toll & co/kafka.yaml", "./weir.yaml"]);
    let (message, text) = cases[1].failure.as_ref().expect("it failed");
    assert_eq!(message, "there is no field `partitons` (and 1 more)");
    assert_eq!(text.matches("error[unknown-field]: there is no field `partitons`\n  help: did you mean").count(), 2);
    assert_eq!((&cases[0].failure, &cases[2].failure), (&None, &None));
    assert!(cases[2].output.as_ref().is_some_and(|text| text.contains("info[tidy]: a remark")));
}

/// A finding keeps its fingerprint when lines are added above it; two equal findings have different fingerprints.
#[test]
fn fingerprints_follow_the_text() {
    let (mut findings, sources) = sample();
    findings.push(findings[0].clone());
    let prints = |findings: &[Finding], sources: &Sources| -> Vec<Value> {
        let sarif: Value = serde_json::from_str(&render::sarif(findings, sources, "", &[])).expect("JSON");
        let results = sarif["runs"][0]["results"].as_array().expect("results").clone();
        results.into_iter().map(|result| result["partialFingerprints"]["weirFinding/v1"].clone()).collect()
    };
    let before = prints(&findings, &sources);
    assert_ne!(before[0], before[3]);

    let (mut moved, _) = sample();
    moved.push(moved[0].clone());
    let mut longer = Sources::default();
    for (_, file) in sources.iter() {
        longer.add(file.path(), format!("# above\n\n{}", file.text()));
    }
    for finding in &mut moved {
        finding.at.start += 9;
        finding.at.end += 9;
    }
    assert_eq!(prints(&moved, &longer), before);
}

fn committed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(name)
}

#[test]
fn the_committed_schema_matches_the_types() {
    let text = format!("{}\n", serde_json::to_string_pretty(&render::schema()).expect("JSON"));
    let path = committed("findings.schema.json");
    weir_testkit::expect(path, &text);

    let validator = jsonschema::validator_for(render::schema().as_value()).expect("a schema");
    let (findings, sources) = sample();
    let mut json: Value = serde_json::from_str(&render::json(&findings, &sources)).expect("JSON");
    assert_eq!(validator.iter_errors(&json).map(|err| err.to_string()).collect::<Vec<_>>(), [""; 0]);
    json["findings"][0]["line"] = "3".into();
    assert!(!validator.is_valid(&json), "a schema that refuses nothing says nothing");
}

/// Returns a validator for SARIF 2.1.0, or `None` if its schema cannot be fetched.
pub(crate) fn sarif_validator() -> Option<jsonschema::Validator> {
    Some(jsonschema::validator_for(&schema(Format::Sarif)?).expect("a schema"))
}

#[test]
fn sarif_output_matches_its_schema() {
    let Some(validator) = sarif_validator() else { return };
    let (findings, sources) = sample();
    let mut sarif: Value = serde_json::from_str(&render::sarif(&findings, &sources, "kafka/", &[&PAGE])).expect("JSON");
    let errors: Vec<_> = validator.iter_errors(&sarif).map(|err| format!("{}: {err}", err.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    sarif["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!validator.is_valid(&sarif));
}
