//! A small spanned tree over a YAML event parser, and a serde `Deserializer` on it.
//!
//! Only the part of YAML that cannot surprise is taken: no anchors, aliases, tags or merge keys, no key twice. The text
//! of a scalar is kept as written; the field it is read into decides what it means.

mod de;
mod reader;
mod tape;

pub(crate) use de::{Instead, Problem, TypeError, deserialize, listed};
pub(crate) use reader::{Document, Reader};
pub(crate) use tape::{NodeId, Shape, Tape, Trust};
