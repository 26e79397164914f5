//! Judges HTTP requests and answers by OpenAPI 3.0 files.
//!
//! Requests are judged strictly: parameters and properties that the file does not define, and properties that only
//! the service sets, are violations. Answers may have properties that the file does not define, since clients must
//! accept them.
//!
//! ```no_run
//! use weir_testkit::openapi::Specs;
//! let Some(specs) = Specs::confluent() else { return };
//! let body = serde_json::json!({"display_name": "dev-orders"});
//! assert_eq!(specs.judge_request("POST", "/iam/v2/service-accounts", &[], Some(&body)), Vec::<String>::new());
//! assert_ne!(specs.judge_answer("GET", "/iam/v2/service-accounts", 418, None, ""), Vec::<String>::new());
//! ```

mod schema;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// Known deviations of Confluent Cloud's answers from its files: method, path template, status, and the substitute:
/// another status of the same operation, or `html`.
const CONFLUENT: [(&str, &str, u16, &str); 2] =
    [("POST", "/iam/v2/api-keys", 201, "202"), ("GET", "/kafka/v3/clusters/{cluster_id}/topics", 401, "html")];

/// The operations of OpenAPI files.
#[derive(Debug, Default)]
pub struct Specs {
    operations: Vec<Operation>,
    deviations: &'static [(&'static str, &'static str, u16, &'static str)],
}

#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    parameters: Vec<Parameter>,
    body: Option<Validator>,
    body_required: bool,
    answers: BTreeMap<String, Content>,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    required: bool,
    kind: String,
    values: Validator,
}

/// The possible bodies of an answer.
#[derive(Debug)]
struct Content {
    json: Option<Validator>,
    html: bool,
}

impl Specs {
    /// Reads the files of Confluent Cloud, and adds the known deviations. The files are in `confluent` below the
    /// folder that `WEIR_SPECS` names, or else below `../shared/specs` beside the repository. They are not part of
    /// the repository: without them, returns `None` after a [`skip`](crate::skip()).
    ///
    /// # Panics
    ///
    /// If a file cannot be understood; and without files, if `CI=true`.
    #[track_caller]
    pub fn confluent() -> Option<Self> {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs");
        let folder = env::var_os("WEIR_SPECS").map_or_else(beside, PathBuf::from).join("confluent");
        if !folder.is_dir() {
            let folder = folder.display();
            crate::skip(&format!("there are no OpenAPI files in {folder}; WEIR_SPECS may name another folder"));
            return None;
        }
        let specs = Self::load(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        Some(Self { deviations: &CONFLUENT, ..specs })
    }

    /// Reads all `*.yaml` files of a folder.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or uses a part of OpenAPI that is not supported.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let mut files: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(|e| e.to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        files.sort();
        let mut specs = Self::default();
        for file in files {
            let text = fs::read_to_string(&file).map_err(|e| e.to_string())?;
            specs.add(&text).map_err(|why| format!("{}: {why}", file.display()))?;
        }
        Ok(specs)
    }

    /// Adds the operations of one file, as text.
    ///
    /// # Errors
    ///
    /// If the file uses a part of OpenAPI that is not supported.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let root = crate::yaml::parse(text)?.into_iter().next().ok_or("the file is empty")?;
        let paths = root["paths"].as_object().ok_or("there are no `paths`")?;
        for (path, methods) in paths {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                    let read = read(&root, path, method, &methods["parameters"], operation);
                    self.operations.push(read.map_err(|why| format!("{method} {path}: {why}"))?);
                }
            }
        }
        // `/topics/-` must come before `/topics/{name}`.
        self.operations.sort_by_key(|operation| operation.path.matches('{').count());
        Ok(())
    }

    /// Returns the violations of a request. `query` is decoded.
    pub fn judge_request(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("there is no operation {method} {path}")];
        };
        let mut wrong = Vec::new();
        for (name, _) in query {
            if !operation.parameters.iter().any(|parameter| parameter.name == *name) {
                wrong.push(format!("there is no parameter `{name}`"));
            }
        }
        for parameter in &operation.parameters {
            let values = query.iter().filter(|(name, _)| *name == parameter.name).map(|(_, value)| value.as_str());
            parameter.judge(&values.collect::<Vec<_>>(), &mut wrong);
        }
        match (&operation.body, body) {
            (Some(validator), Some(body)) => judge(validator, body, &mut wrong),
            (None, Some(_)) => wrong.push("it has no body".to_owned()),
            (Some(_), None) if operation.body_required => wrong.push("the body is missing".to_owned()),
            (_, None) => {}
        }
        wrong
    }

    /// Returns the violations of an answer, except known deviations.
    pub fn judge_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        content_type: Option<&str>,
        body: &str,
    ) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("there is no operation {method} {path}")];
        };
        let deviation = self
            .deviations
            .iter()
            .find(|known| known.0 == operation.method && known.1 == operation.path && known.2 == status);
        let is_html = content_type.is_some_and(|kind| kind.starts_with("text/html"));
        let code = match deviation {
            Some((.., "html")) if is_html => return Vec::new(),
            Some((.., other)) if *other != "html" => (*other).to_owned(),
            _ => status.to_string(),
        };
        let class = format!("{}XX", status / 100);
        let answers = &operation.answers;
        let Some(content) = answers.get(&code).or_else(|| answers.get(&class)).or_else(|| answers.get("default"))
        else {
            return vec![format!("the status {status} is not foreseen")];
        };
        let mut wrong = Vec::new();
        match &content.json {
            Some(validator) if content_type.is_some_and(|kind| kind.starts_with("application/json")) => {
                match serde_json::from_str(body) {
                    Ok(value) => judge(validator, &value, &mut wrong),
                    Err(error) => wrong.push(format!("the body is not JSON: {error}")),
                }
            }
            Some(_) => wrong.push(format!("the body is not JSON but {}", content_type.unwrap_or("of no type"))),
            None if content.html && !is_html => wrong.push("the body is not HTML".to_owned()),
            None if status == 204 && !body.is_empty() => wrong.push("there is a body".to_owned()),
            None => {}
        }
        wrong
    }

    /// Returns the violations of a request and its answer: status, content type and body. A missing answer is not
    /// judged, and neither is a refused request, which may be wrong on purpose.
    pub fn judge(
        &self,
        method: &str,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
        answer: Option<(u16, Option<&str>, &str)>,
    ) -> Vec<String> {
        let refused = answer.is_some_and(|(status, ..)| matches!(status, 400 | 404 | 422));
        let mut wrong = if refused { Vec::new() } else { self.judge_request(method, path, query, body) };
        if let Some((status, content_type, body)) = answer {
            wrong.extend(self.judge_answer(method, path, status, content_type, body));
        }
        wrong
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let fits = |template: &str| {
            let mut parts = path.split('/');
            let same = template.split('/').all(|part| {
                parts.next().is_some_and(|given| part == given || (part.starts_with('{') && !given.is_empty()))
            });
            same && parts.next().is_none()
        };
        self.operations.iter().find(|operation| operation.method == method && fits(&operation.path))
    }
}

impl Parameter {
    fn judge(&self, values: &[&str], wrong: &mut Vec<String>) {
        let value = match values {
            [] if self.required => return wrong.push(format!("the parameter `{}` is missing", self.name)),
            [] => return,
            values if self.kind == "array" => json!(values),
            [value] => match self.kind.as_str() {
                "integer" | "number" | "boolean" => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
                _ => json!(value),
            },
            _ => return wrong.push(format!("the parameter `{}` is there twice", self.name)),
        };
        let mut about = Vec::new();
        judge(&self.values, &value, &mut about);
        wrong.extend(about.into_iter().map(|what| format!("the parameter `{}`: {what}", self.name)));
    }
}

fn judge(validator: &Validator, value: &Value, wrong: &mut Vec<String>) {
    let violations = validator.iter_errors(value);
    wrong.extend(violations.map(|violation| {
        // The message must not show the value, which may be a secret.
        format!("`{}`: {}", violation.instance_path(), violation.masked())
    }));
}

fn read(root: &Value, path: &str, method: &str, shared: &Value, operation: &Value) -> Result<Operation, String> {
    let mut parameters = Vec::new();
    for parameter in [shared, &operation["parameters"]].into_iter().filter_map(Value::as_array).flatten() {
        let parameter = schema::resolve(root, parameter)?;
        if parameter["in"] == "query" {
            let values = schema::flat(root, &parameter["schema"])?;
            parameters.push(Parameter {
                name: parameter["name"].as_str().ok_or("a parameter has no name")?.to_owned(),
                required: parameter["required"] == true,
                kind: values["type"].as_str().unwrap_or("string").to_owned(),
                values: validator(&values)?,
            });
        }
    }
    let body = schema::resolve(root, &operation["requestBody"])?;
    let answers = operation["responses"].as_object().ok_or("there are no `responses`")?;
    let answers = answers.iter().map(|(status, answer)| {
        let content = &schema::resolve(root, answer)?["content"];
        let json = content.get("application/json").map(|json| validator(&schema::flat(root, &json["schema"])?));
        Ok((status.clone(), Content { json: json.transpose()?, html: content.get("text/html").is_some() }))
    });
    let sent = body["content"].get("application/json");
    let sent = sent.map(|json| validator(&schema::sent(schema::flat(root, &json["schema"])?)));
    Ok(Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        parameters,
        body_required: body["required"] == true,
        body: sent.transpose()?,
        answers: answers.collect::<Result<_, String>>()?,
    })
}

fn validator(schema: &Value) -> Result<Validator, String> {
    let options = jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true);
    options.should_ignore_unknown_formats(true).build(schema).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests;
