//! Paths as policies write them: `spec.config["retention.ms"]`, `metadata.labels.costCenter`, `spec.rules[0]`.

use weir_cel::{Problem, Type};

use crate::dialect::DIALECT;

/// Returns the steps of a path, if the path exists in a value of the type `of`.
pub(crate) fn parse(text: &str, of: &Type) -> Result<Vec<String>, Problem> {
    let wrong =
        || Problem::new(format!("`{text}` is no path")).help("write a path such as `spec.config[\"retention.ms\"]`");
    let (mut steps, mut rest, mut at) = (Vec::new(), text, of.clone());
    while !rest.is_empty() {
        let step = if let Some(inside) = rest.strip_prefix('[') {
            let (step, behind) = match inside.strip_prefix('"') {
                Some(quoted) => quoted.split_once("\"]").ok_or_else(wrong)?,
                None => inside.split_once(']').ok_or_else(wrong)?,
            };
            rest = behind;
            step
        } else {
            let named = if steps.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(wrong)? };
            let end = named.find(['.', '[']).unwrap_or(named.len());
            rest = &named[end..];
            &named[..end]
        };
        if step.is_empty() {
            return Err(wrong());
        }
        at = match at {
            Type::List(of) if step.parse::<usize>().is_ok() => *of,
            Type::List(_) => return Err(Problem::new(format!("`{step}` is no index of a list"))),
            other => other.field(step, &DIALECT)?,
        };
        steps.push(step.to_owned());
    }
    if steps.is_empty() { Err(wrong()) } else { Ok(steps) }
}
