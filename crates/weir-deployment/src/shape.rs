//! The shapes in which an API key is stored.

use std::{collections::BTreeMap, fmt::Write as _, io};

use weir_model::SecretPart;
use weir_ports::{CreatedKey, ExposeSecret as _, SecretString, zeroize::Zeroizing};

/// Everything that a client needs to log in, as one JSON object: the content of every key's secret.
///
/// Measured first and written once, so that no buffer grows and leaves a copy of the secret behind.
pub(crate) fn credentials(key: &CreatedKey) -> Result<SecretString, serde_json::Error> {
    let mut fields: BTreeMap<&str, &str> = key.connection.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    fields.insert("api_key", &key.id);
    fields.insert("api_secret", key.secret.expose_secret());
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &fields)?;
    let mut json = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut json, &fields)?;
    let text = String::from_utf8(json).map_err(|_| <serde_json::Error as serde::ser::Error>::custom("not UTF-8"))?;
    Ok(SecretString::from(text))
}

/// One of the other shapes.
pub(crate) fn part(part: SecretPart, key: &CreatedKey) -> SecretString {
    match part {
        SecretPart::Key => SecretString::from(user(key)),
        SecretPart::Secret => key.secret.clone(),
        SecretPart::Properties => properties(key),
    }
}

const USER: &str = "sasl.username";

/// The user name of the key: the key's id, unless the cluster has users with other names.
fn user(key: &CreatedKey) -> &str {
    key.connection.get(USER).unwrap_or(&key.id)
}

/// A `client.properties` for Java clients.
fn properties(key: &CreatedKey) -> SecretString {
    let (user, password) = (user(key), key.secret.expose_secret());
    let fields: usize = key.connection.iter().map(|(name, value)| name.len() + value.len()).sum();
    // Every sign twelve times at most: escaped for the login module, and once more for the file.
    let mut text = Zeroizing::new(String::with_capacity(12 * (fields + user.len() + password.len()) + 256));
    for (name, value) in key.connection.iter().filter(|(name, _)| *name != USER) {
        let _ = write!(text, "{name}=");
        value.chars().for_each(|c| escape(&mut text, c));
        text.push('\n');
    }
    let module = match key.connection.get("sasl.mechanism").map(String::as_str) {
        Some(mechanism) if mechanism.starts_with("SCRAM-") => "scram.ScramLoginModule",
        _ => "plain.PlainLoginModule",
    };
    let _ = write!(text, "sasl.jaas.config=org.apache.kafka.common.security.{module} required");
    for (name, value) in [("username", user), ("password", password)] {
        let _ = write!(text, " {name}=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                escape(&mut text, '\\');
            }
            escape(&mut text, c);
        }
        text.push('"');
    }
    text.push_str(";\n");
    SecretString::from(text.as_str())
}

/// Writes a sign of a value as `java.util.Properties` reads it.
fn escape(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        ' '..='~' => text.push(c),
        _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
            let _ = write!(text, "\\u{unit:04x}");
        }),
    }
}

/// Counts the written bytes.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(connection: &[(&str, &str)]) -> CreatedKey {
        CreatedKey {
            id: "ABCDEF".into(),
            secret: SecretString::from("s\"e\\c=ü"),
            created: None,
            connection: connection.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn the_stored_secret_is_one_json_object() {
        let key = key(&[("bootstrap.servers", "b:9092"), ("sasl.mechanism", "PLAIN")]);
        let value = credentials(&key).unwrap();
        insta::assert_snapshot!(
            value.expose_secret(),
            @r#"{"api_key":"ABCDEF","api_secret":"s\"e\\c=ü","bootstrap.servers":"b:9092","sasl.mechanism":"PLAIN"}"#
        );
        assert!(!format!("{value:?} {key:?}").contains(r#"\"e"#));
    }

    #[test]
    fn a_java_client_reads_the_properties() {
        let plain =
            key(&[("bootstrap.servers", "b:9092"), ("sasl.mechanism", "PLAIN"), ("security.protocol", "SASL_SSL")]);
        insta::assert_snapshot!(part(SecretPart::Properties, &plain).expose_secret(), @r#"
        bootstrap.servers=b:9092
        sasl.mechanism=PLAIN
        security.protocol=SASL_SSL
        sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="ABCDEF" password="s\\"e\\\\c=\u00fc";
        "#);
        let scram = key(&[("sasl.mechanism", "SCRAM-SHA-512"), ("sasl.username", "dev-billing")]);
        insta::assert_snapshot!(part(SecretPart::Properties, &scram).expose_secret(), @r#"
        sasl.mechanism=SCRAM-SHA-512
        sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="dev-billing" password="s\\"e\\\\c=\u00fc";
        "#);
        assert_eq!(part(SecretPart::Key, &scram).expose_secret(), "dev-billing");
        assert_eq!(part(SecretPart::Key, &plain).expose_secret(), "ABCDEF");
    }

    #[test]
    fn nothing_grows_beyond_its_buffer() {
        let worst = "\u{10ffff}".repeat(50);
        let key = CreatedKey {
            id: worst.clone(),
            secret: worst.clone().into(),
            created: None,
            connection: [("x".to_owned(), worst.clone())].into(),
        };
        assert!(part(SecretPart::Properties, &key).expose_secret().len() < 12 * 3 * worst.len());
    }
}
