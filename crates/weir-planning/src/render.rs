//! Plans as people read them: terminal text, markdown for a pull request, and drift.
//!
//! The meaning of a change comes before its values. Names and descriptions come from outside: text that could
//! steer a terminal, a pipeline agent or a markdown page is made harmless here.

mod cut;
mod drift;
mod head;
mod markdown;
mod plain;
mod text;
mod words;

pub(crate) use drift::of_plan as differences;
pub use drift::{drift, drift_markdown};
pub use markdown::{COMMENT_LIMIT, comments, markdown};
pub use text::text;
pub(crate) use words::binding;
pub use words::from_to;
