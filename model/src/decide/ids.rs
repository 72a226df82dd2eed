//! What an id may look like.

use std::sync::Arc;

pub(super) fn parse_uuid(text: &str) -> Result<Arc<str>, String> {
    // The parser also reads forms without hyphens, in braces and as URNs: all of other lengths.
    match uuid::Uuid::try_parse(text) {
        Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Ok(id.to_string().into()),
        _ => {
            Err("an id is a uuid with hyphens, such as 0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b"
                .to_owned())
        }
    }
}

pub(super) fn parse_text_id(text: &str) -> Result<Arc<str>, String> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"._~@:-".contains(&c);
    if !(1..=128).contains(&text.len()) || !text.bytes().all(known) {
        return Err("an id has 1 to 128 characters of A-Z a-z 0-9 . _ ~ @ : -".to_owned());
    }
    if text == "." || text == ".." {
        return Err("an id is not \".\" or \"..\", which paths use".to_owned());
    }
    Ok(text.into())
}
