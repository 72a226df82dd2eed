//! Lines out of a body that arrives in pieces, none longer than the limit.

use bytes::{Buf, Bytes, BytesMut};
use service::Problem;

/// Cuts the body into lines.
#[derive(Default)]
pub(super) struct Feed {
    pub buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line end.
    searched: usize,
    line: u64,
    /// Whether the rest of a line that was too long is being thrown away.
    skipping: bool,
    pub ended: bool,
}

impl Feed {
    /// The next line and its number, from 1; blank ones count, but need no answer.
    pub fn next_line(&mut self, limit: usize) -> Option<(u64, Result<Bytes, Problem>)> {
        loop {
            let end = self.buffer[self.searched..].iter().position(|b| *b == b'\n');
            let text = match end {
                Some(at) => {
                    let text = self.buffer.split_to(self.searched + at).freeze();
                    self.buffer.advance(1);
                    text
                }
                None if self.ended && !self.buffer.is_empty() => self.buffer.split().freeze(),
                None => return self.unfinished(limit),
            };
            self.searched = 0;
            self.line += 1;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if text.len() > limit {
                return Some((self.line, Err(too_long(limit))));
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            return Some((self.line, Ok(text)));
        }
    }

    /// No line end yet: a line that is too long already is answered and thrown away.
    fn unfinished(&mut self, limit: usize) -> Option<(u64, Result<Bytes, Problem>)> {
        self.searched = self.buffer.len();
        if self.buffer.len() <= limit && !self.skipping {
            return None;
        }
        self.buffer.clear();
        self.searched = 0;
        if std::mem::replace(&mut self.skipping, true) {
            return None;
        }
        Some((self.line + 1, Err(too_long(limit))))
    }
}

fn too_long(limit: usize) -> Problem {
    Problem::new(413, "too-large", format!("a line may have at most {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 6;

    /// Each line that is answered: its number, and its text where it is not too long.
    type Lines = Vec<(u64, Option<Vec<u8>>)>;

    fn whole(body: &[u8]) -> Lines {
        let numbered = (1..).zip(body.split(|byte| *byte == b'\n'));
        let long = |text: &[u8]| text.len() > LIMIT;
        numbered
            .filter(|(_, text)| long(text) || !text.trim_ascii().is_empty())
            .map(|(number, text)| (number, (!long(text)).then(|| text.to_vec())))
            .collect()
    }

    fn in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Lines {
        let mut feed = Feed::default();
        let mut out = Lines::new();
        let mut take = |feed: &mut Feed| {
            while let Some((number, text)) = feed.next_line(LIMIT) {
                out.push((number, text.ok().map(|text| text.to_vec())));
            }
        };
        for piece in pieces {
            feed.buffer.extend_from_slice(piece);
            take(&mut feed);
        }
        feed.ended = true;
        take(&mut feed);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn lines_are_the_same_wherever_the_body_was_cut(body in "[a \n]{0,60}", size in 1..9_usize) {
            let body = body.as_bytes();
            prop_assert_eq!(in_pieces(body.chunks(size)), whole(body));
        }
    }
}
