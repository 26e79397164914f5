//! Runs every target over its corpus, and over changed copies that are the same in every run.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// Number of changed copies of each input.
const CHANGES: u64 = 20;
/// Pieces to insert into changed copies, beside parts of the input itself and of other inputs.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
    "null",
    "~",
    "\"",
    "'",
    "|\n  ",
    "%",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "99999999999999999999",
];

/// A fixed pseudo-random sequence of numbers (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }

    /// Returns a part of `data`, of at most 64 bytes.
    fn part<'d>(&mut self, data: &'d [u8]) -> &'d [u8] {
        let start = self.below(data.len() + 1);
        let length = self.below(64).min(data.len() - start);
        &data[start..start + length]
    }
}

/// Returns `data` with a few parts removed, repeated or replaced.
fn changed(data: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = data.to_vec();
    for _ in 0..=numbers.below(4) {
        let new = match numbers.below(4) {
            0 => Vec::new(),
            1 => PIECES[numbers.below(PIECES.len())].as_bytes().to_vec(),
            2 => numbers.part(data).to_vec(),
            _ => {
                let other = &others[numbers.below(others.len())];
                numbers.part(other).to_vec()
            }
        };
        let start = numbers.below(changed.len() + 1);
        let end = if numbers.below(2) == 0 { start } else { (start + numbers.below(16)).min(changed.len()) };
        changed.splice(start..end, new);
    }
    // Bytes that are no longer UTF-8 are replaced.
    String::from_utf8_lossy(&changed).into_owned().into_bytes()
}

fn run(name: &str) {
    let (_, target) = weir_fuzz::TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "there is no corpus in {}", folder.display());
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (file, input) in files.iter().zip(&inputs) {
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ input.len() as u64);
        for change in 0..=CHANGES {
            let data = if change == 0 { input.clone() } else { changed(input, &inputs, &mut numbers) };
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&data)));
            assert!(
                outcome.is_ok(),
                "change {change} of {} breaks `{name}`:\n{}",
                file.display(),
                String::from_utf8_lossy(&data).escape_debug()
            );
        }
    }
}

#[test]
fn workspaces() {
    run("workspace");
}

#[test]
fn policies() {
    run("policy");
}
