//! A file of the folder, held in memory, and the way from its bytes to lines and columns.

use std::path::{Path, PathBuf};

use crate::diagnostic::Place;

/// A text file and where its lines start.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the loaded folder.
    pub(crate) file: PathBuf,
    /// Without a byte order mark.
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(file: &Path, text: &str) -> Source {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Source { file: file.to_owned(), text, line_starts }
    }

    /// The place of a byte; places past the end are the end's.
    pub(crate) fn place(&self, byte: usize) -> Place {
        let byte = byte.min(self.text.len());
        let line = self.line_index(byte);
        let column = self.text[self.line_starts[line]..]
            .char_indices()
            .take_while(|(at, _)| self.line_starts[line] + at < byte)
            .count();
        Place { file: self.file.clone(), line: count(line) + 1, column: count(column) + 1 }
    }

    /// `orders/model.yaml:21`, as run-time errors name a place.
    pub(crate) fn line_text(&self, byte: usize) -> String {
        format!("{}:{}", self.file.display(), self.line_index(byte.min(self.text.len())) + 1)
    }

    /// The line (from 0) that holds a byte.
    pub(crate) fn line_index(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte) - 1
    }

    /// A line (from 0) without its break, and where it starts.
    pub(crate) fn line(&self, index: usize) -> (usize, &str) {
        let start = self.line_starts.get(index).copied().unwrap_or(self.text.len());
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        (start, self.text[start..end].trim_end_matches(['\n', '\r']))
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let source = Source::new(Path::new("a.yaml"), "\u{feff}é: x\nbc");
        let place = |byte| {
            let Place { line, column, .. } = source.place(byte);
            (line, column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (1, 2));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(99), (2, 3));
    }
}
