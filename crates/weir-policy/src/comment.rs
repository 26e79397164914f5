//! Waivers written as comments: `# weir: allow RULE reason="…" until=2027-01-31`.
//!
//! A comment at the end of a line covers that line. A comment above a line covers the line and everything nested in
//! it; above the first line of a document, it covers the whole document.

use std::ops::Range;

use rayon::prelude::*;
use weir_cel::Problem;
use weir_findings::{FileId, SourceFile, Sources, Span};
use weir_model::{Date, EntityRef, Loaded, Origin};
use weir_ownership::{Authority, Ownership};

const MARK: &str = "# weir:";

/// The largest number of comments for weir in a file. Each may cover many findings; many waivers belong into documents.
const MOST: usize = 1_000;

/// A waiver written as a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) rule: String,
    pub(crate) reason: String,
    pub(crate) until: Date,
    /// The place of the comment.
    pub(crate) at: Span,
    /// The bytes that the waiver covers.
    pub(crate) covers: Range<usize>,
}

impl Comment {
    /// Returns the entity of the document that contains the comment, or follows it.
    pub(crate) fn entity(&self, loaded: &Loaded) -> Option<EntityRef> {
        let last = self.covers.end.checked_sub(1).filter(|_| !self.covers.is_empty())?;
        let document = loaded.document_at(self.at.file, u32::try_from(last).ok()?)?;
        let origin = Origin { file: self.at.file, document };
        let workspace = loaded.workspace.as_ref()?;
        workspace.entities().find(|entity| workspace.origin(entity) == Some(origin))
    }
}

/// Returns all waivers in comments of a workspace, and the comments that cannot be understood.
pub(crate) fn all(loaded: &Loaded) -> (Vec<Comment>, Vec<(Span, Problem)>) {
    let (mut comments, mut wrong) = read(&loaded.sources);
    comments.retain(|comment| !loaded.is_text_at(comment.at.file, comment.at.start));
    wrong.retain(|(at, _)| !loaded.is_text_at(at.file, at.start));
    // Most workspaces have no such comment.
    let workspace = loaded.workspace.as_ref().filter(|_| !comments.is_empty());
    if let Some(ownership) = workspace.and_then(Ownership::of) {
        let foreign = comments.extract_if(.., |comment| team(&ownership, comment.at.file).is_some());
        wrong.extend(foreign.filter_map(|comment| {
            let team = team(&ownership, comment.at.file)?;
            let problem = Problem::new(format!("a file of team `{team}` cannot waive a rule"));
            let help = format!("ask team `{}` for a document of kind `Waiver`", ownership.platform());
            Some((comment.at, problem.help(help)))
        }));
    }
    (comments, wrong)
}

/// Returns the team that may change a file; `None` for a file of the platform team.
fn team<'w>(ownership: &Ownership<'w>, file: FileId) -> Option<&'w str> {
    match ownership.authority_over(Origin { file, document: 0 }) {
        Authority::Platform => None,
        Authority::Team(team) | Authority::Unclear(team, _) => Some(team),
    }
}

/// Searches all files line by line for comments with the mark, whether they can be understood or not.
fn read(sources: &Sources) -> (Vec<Comment>, Vec<(Span, Problem)>) {
    let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
    // Most files have no such comment, so a search for the mark comes first.
    let read: Vec<_> = files
        .par_iter()
        .filter(|(_, file)| file.text().contains(MARK))
        .flat_map_iter(|(id, file)| in_file(*id, file.text()))
        .collect();
    let (mut comments, mut wrong) = (Vec::new(), Vec::new());
    for found in read {
        match found {
            Ok(comment) => comments.push(comment),
            Err(problem) => wrong.push(problem),
        }
    }
    (comments, wrong)
}

fn in_file(file: FileId, text: &str) -> Vec<Result<Comment, (Span, Problem)>> {
    let mut found = Vec::new();
    let mut lines = None;
    let mut start = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let (line, begins) = (whole.trim_end_matches(['\n', '\r']), start);
        start += whole.len();
        let Some(column) = comment_in(line) else { continue };
        let at = Span::new(file, begins + column..begins + line.len());
        if found.len() == MOST {
            let problem = Problem::new(format!("the file has more than {MOST} comments for weir"));
            found.push(Err((at, problem.help("write documents of `kind: Waiver`, or follow the rules"))));
            break;
        }
        let own_line = line[..column].trim().is_empty();
        let covers =
            if own_line { lines.get_or_insert_with(|| Lines::of(text)).below(index) } else { begins..begins + column };
        found.push(match parse(&line[column + MARK.len()..]) {
            Ok((rule, reason, until)) => Ok(Comment { rule, reason, until, at, covers }),
            Err(problem) => Err((at, problem)),
        });
    }
    found
}

/// Returns the place in a line where a comment for weir begins, outside of quotes.
fn comment_in(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return line[at..].starts_with(MARK).then_some(at),
            // A quote opens a string only at the beginning of a value.
            (None, '"' | '\'') if " [{,:".contains(before) => quote = Some(c),
            (Some(open), c) if c == open && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    None
}

/// The lines of a file, prepared in one pass, so that each question about one of many comments is answered at once.
struct Lines {
    /// The beginning of each line with content, and its depth: 0 for a separator of documents, else its indentation and one.
    content: Vec<(usize, usize)>,
    /// For each line of the file, the number of lines with content before it.
    before: Vec<usize>,
    /// For each line with content, the next one that is not nested in it.
    behind: Vec<usize>,
    /// For each line with content, the next separator.
    separator: Vec<usize>,
    /// The length of the file.
    end: usize,
}

impl Lines {
    fn of(text: &str) -> Self {
        let (mut content, mut before, mut start) = (Vec::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            before.push(content.len());
            let said = line.trim_start_matches([' ', '\t']);
            if !said.trim_end_matches(['\n', '\r']).is_empty() && !said.starts_with('#') {
                let is_separator = line.starts_with("---") || line.starts_with("...");
                content.push((start, if is_separator { 0 } else { line.len() - said.len() + 1 }));
            }
            start += line.len();
        }
        let (mut behind, mut separator) = (vec![content.len(); content.len()], vec![content.len(); content.len()]);
        let (mut open, mut next) = (Vec::new(), content.len());
        for index in (0..content.len()).rev() {
            let depth = content[index].1;
            while open.last().is_some_and(|other: &usize| content[*other].1 > depth) {
                open.pop();
            }
            behind[index] = open.last().copied().unwrap_or(content.len());
            separator[index] = next;
            open.push(index);
            next = if depth == 0 { index } else { next };
        }
        Self { content, before, behind, separator, end: text.len() }
    }

    /// Returns the next line with content below the line `comment`, and the lines nested in it; the whole document, if the
    /// line is its first one.
    fn below(&self, comment: usize) -> Range<usize> {
        let first = self.before[comment];
        let Some((from, depth)) = self.content.get(first).copied() else { return 0..0 };
        let opens = first.checked_sub(1).is_none_or(|before| self.content[before].1 == 0);
        let behind = if depth == 0 || opens { self.separator[first] } else { self.behind[first] };
        from..self.content.get(behind).map_or(self.end, |(start, _)| *start)
    }
}

/// Reads `allow RULE reason="…" until=2027-01-31`.
fn parse(text: &str) -> Result<(String, String, Date), Problem> {
    let wrong =
        |message: String| Problem::new(message).help("write `# weir: allow RULE reason=\"…\" until=2027-01-31`");
    let text = text.trim();
    let Some(rest) = text.strip_prefix("allow ").map(str::trim_start) else {
        return Err(wrong("a comment for weir begins with `allow`".to_owned()));
    };
    let (rule, mut rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (mut reason, mut until) = (None, None);
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let Some((key, value)) = rest.split_once('=') else { return Err(wrong(format!("`{rest}` is not understood"))) };
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| wrong("a quote is not closed".to_owned()))?,
            None => value.split_once(char::is_whitespace).unwrap_or((value, "")),
        };
        let slot = match key {
            "reason" => &mut reason,
            "until" => &mut until,
            _ => return Err(wrong(format!("`{key}` is not understood"))),
        };
        if slot.replace(value).is_some() {
            return Err(wrong(format!("`{key}` is written twice")));
        }
        rest = behind;
    }
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else {
        return Err(wrong(format!("the waiver of `{rule}` has no reason")));
    };
    let until = until.ok_or_else(|| wrong(format!("the waiver of `{rule}` has no last day")))?;
    Ok((rule.to_owned(), reason.to_owned(), until.parse().map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(text: &str) -> Vec<String> {
        let mut sources = Sources::default();
        sources.add("a.yaml", text);
        let (comments, wrong) = read(&sources);
        assert!(wrong.is_empty(), "{wrong:?}");
        comments.into_iter().map(|comment| text[comment.covers].trim().to_owned()).collect()
    }

    #[test]
    fn a_comment_covers_its_own_line_or_the_lines_below() {
        let allow = "# weir: allow rule-a reason=\"why\" until=2027-01-31";
        assert_eq!(covered(&format!("a: 1\nb: 2 {allow}\nc: 3\n")), ["b: 2"]);
        assert_eq!(
            covered(&format!("a:\n  {allow}\n  b:\n    c: 1\n\n    d: 2\n  e: 3\n")),
            ["b:\n    c: 1\n\n    d: 2"]
        );
        assert_eq!(covered(&format!("a: 1\n---\n{allow}\nb: 1\nc: 1\n---\nd: 1\n")), ["b: 1\nc: 1"]);
        assert_eq!(covered(&format!("{allow}\n# more\n---\nb: 1\nc: 1\n---\nd: 1\n")), ["---\nb: 1\nc: 1"]);
        assert_eq!(covered(&format!("a: 'x {allow}'\n")), [""; 0]);
        assert_eq!(covered(&format!("a: 1\r\nb: 2 {allow}\r\n")), ["b: 2"]);
        assert_eq!(covered(&format!("b: 2\n{allow}")), [""]);
    }

    #[test]
    fn a_file_has_a_limited_number_of_comments() {
        let mut sources = Sources::default();
        sources.add("a.yaml", "# weir: allow rule-a reason=\"why\" until=2027-01-31\n".repeat(200_000) + "a: 1\n");
        let (comments, problems) = read(&sources);
        assert_eq!((comments.len(), problems.len()), (MOST, 1));
        assert!(problems[0].1.message.contains("more than 1000"), "{}", problems[0].1.message);
        assert!(comments.iter().all(|comment| comment.covers.len() == "a: 1\n".len()));
    }

    #[test]
    fn a_comment_needs_a_reason_and_a_last_day() {
        for wrong in [
            "# weir: allow rule-a",
            "# weir: allow rule-a reason=\"\" until=2027-01-31",
            "# weir: allow rule-a reason=\"why\"",
            "# weir: allow rule-a reason=\"why\" until=31.1.2027",
            "# weir: allow rule-a reason=\"why until=2027-01-31",
            "# weir: allow rule-a reason=\"why\" until=2027-01-31 until=2028-01-31",
            "# weir: ignore everything",
            "# weir: allow rule-a because",
        ] {
            let mut sources = Sources::default();
            sources.add("a.yaml", wrong);
            let (comments, problems) = read(&sources);
            assert!(comments.is_empty() && problems.len() == 1, "{wrong}");
        }
    }
}
