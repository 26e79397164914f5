//! The parts of the expression language that are weir's own: units, topic settings, suggestions.

use weir_cel::{Dialect, Entries, Type, reader};
use weir_findings::closest;
use weir_model::{
    Duration, Size,
    settings::{self, SettingKind},
};

/// The dialect of all policies.
pub(crate) static DIALECT: Dialect = Dialect {
    closest: |wrong, known| closest(wrong, known),
    readers: &[reader!("duration", millis), reader!("byteSize", bytes)],
};

/// Topic settings by name: times in milliseconds, sizes in bytes, lists as lists.
pub(crate) static SETTINGS: Entries = Entries {
    name: "topic settings",
    entry: "topic setting",
    of: |name| settings::lookup(name).map(type_of),
    closest: settings::did_you_mean,
};

/// Reads a length of time, such as `7d`, in milliseconds.
fn millis(text: &str) -> Result<i64, String> {
    let time: Duration = text.parse()?;
    i64::try_from(time.millis).map_err(|_| format!("`{text}` is too long"))
}

/// Reads a number of bytes, such as `1GiB`.
fn bytes(text: &str) -> Result<i64, String> {
    let size: Size = text.parse()?;
    i64::try_from(size.bytes).map_err(|_| format!("`{text}` is too much"))
}

/// Returns the type of a setting's values in expressions.
fn type_of(setting: &settings::Setting) -> Type {
    match setting.kind {
        SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Integer(_) => Type::Int,
        SettingKind::Ratio => Type::Double,
        SettingKind::Boolean => Type::Bool,
        SettingKind::Word(_) => Type::Text,
        SettingKind::Words(_) => Type::list(Type::Text),
    }
}
