use super::*;

const FILE: &str = r#"
openapi: 3.0.0
paths:
  /things:
    get:
      parameters:
      - {in: query, name: size, schema: {type: integer, maximum: 5}}
      - {in: query, name: name, required: true, schema: {$ref: '#/components/schemas/Names'}}
      responses:
        '200': {$ref: '#/components/responses/Things'}
        4XX: {content: {text/html: {}}}
  /things/{id}:
    patch:
      requestBody:
        required: true
        content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Thing'}, {required: [id, name]}]}}}
      responses:
        '204': {description: done}
  /things/-:
    patch:
      responses: {'202': {description: done}}
components:
  responses:
    Things: {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Thing'}}}}}
  schemas:
    Names: {type: array, items: {type: string}}
    Thing:
      type: object
      required: [id]
      properties:
        id: {type: string, readOnly: true}
        name: {type: string, nullable: true, maxLength: 3}
"#;

fn specs() -> Specs {
    let mut specs = Specs::default();
    specs.add(FILE).unwrap();
    specs
}

fn query(text: &str) -> Vec<(String, String)> {
    text.split_terminator('&').map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k.into(), v.into())).collect()
}

#[track_caller]
fn is(wrong: Vec<String>, expected: &[&str]) {
    assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
    for (wrong, expected) in wrong.iter().zip(expected) {
        assert!(wrong.contains(expected), "{wrong}, not {expected}");
    }
}

#[test]
fn parameters_are_judged() {
    let specs = specs();
    let judge = |text| specs.judge_request("GET", "/things", &query(text), None);
    is(judge("size=5&name=a&name=b"), &[]);
    is(judge("size=6"), &["`size`", "`name` is missing"]);
    is(judge("size=x&name=a"), &["`size`"]);
    is(judge("size=1&size=2&name=a"), &["`size` is there twice"]);
    is(judge("colour=red&name=a"), &["no parameter `colour`"]);
    is(specs.judge_request("PUT", "/things", &[], None), &["no operation PUT /things"]);
    is(specs.judge_request("GET", "/things", &query("name=a"), Some(&json!({}))), &["no body"]);
}

#[test]
fn request_bodies_are_judged_strictly() {
    let specs = specs();
    let judge = |body| specs.judge_request("PATCH", "/things/1", &[], Some(&body));
    is(judge(json!({"name": "abc"})), &[]);
    is(judge(json!({"name": null})), &[]);
    is(judge(json!({"name": "abcd"})), &["/name"]);
    is(judge(json!({})), &["name"]);
    is(judge(json!({"name": "a", "id": "1"})), &["Additional properties"]);
    is(judge(json!({"name": "a", "colour": "red"})), &["Additional properties"]);
    is(specs.judge_request("PATCH", "/things/1", &[], None), &["body is missing"]);
    is(specs.judge_request("PATCH", "/things/-", &[], None), &[]);
}

#[test]
fn answers_are_judged_leniently() {
    let specs = specs();
    let judge = |body: &str| specs.judge_answer("GET", "/things", 200, Some("application/json"), body);
    is(judge(r#"[{"id": "1", "name": null, "colour": "red"}]"#), &[]);
    is(judge(r#"[{"name": "a"}]"#), &["id"]);
    is(judge("["), &["not JSON"]);
    is(specs.judge_answer("GET", "/things", 200, Some("text/html"), "<p>"), &["not JSON"]);
    is(specs.judge_answer("GET", "/things", 404, Some("text/html"), "<p>"), &[]);
    is(specs.judge_answer("GET", "/things", 404, Some("application/json"), "{}"), &["not HTML"]);
    is(specs.judge_answer("GET", "/things", 500, None, ""), &["500 is not foreseen"]);
    is(specs.judge_answer("PATCH", "/things/1", 204, None, "x"), &["a body"]);
}

#[test]
fn confluents_files_are_supported() {
    let Some(specs) = Specs::confluent() else { return };
    let judge = |body| specs.judge_request("POST", "/iam/v2/api-keys", &[], Some(&body));
    is(judge(json!({"spec": {"owner": {"id": "sa-1"}, "resource": {"id": "lkc-1"}, "display_name": "x"}})), &[]);
    is(judge(json!({"spec": {"resource": {"id": "lkc-1"}}})), &["owner"]);
    is(judge(json!({"spec": {"owner": {"id": "sa-1"}, "secret": "x"}})), &["Additional properties"]);
    is(specs.judge_request("GET", "/cmk/v2/clusters/lkc-1", &[], None), &["`environment` is missing"]);
    is(specs.judge_request("GET", "/iam/v2/service-accounts", &query("page_size=101"), None), &["`page_size`"]);
    // A known deviation.
    let html = Some("text/html");
    is(specs.judge_answer("GET", "/kafka/v3/clusters/lkc-1/topics", 401, html, ""), &[]);
    is(specs.judge_answer("GET", "/iam/v2/api-keys", 401, html, ""), &["not JSON"]);
    assert!(specs.operations.len() > 40, "{}", specs.operations.len());
}

#[test]
fn missing_files_fail_a_test_in_ci() {
    // Runs this test binary again, with another environment.
    let run = |ci: &str| {
        std::process::Command::new(env::current_exe().unwrap())
            .args(["--exact", "openapi::tests::confluents_files_are_supported", "--nocapture"])
            .envs([("CI", ci), ("WEIR_SPECS", "/nowhere")])
            .output()
            .unwrap()
    };
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let (watched, unwatched) = (run("false"), run("true"));
    assert!(watched.status.success() && said(&watched).contains("skipped: there are no OpenAPI files"), "{watched:?}");
    assert!(!unwatched.status.success() && said(&unwatched).contains("no OpenAPI files in /nowhere"), "{unwatched:?}");
}
