//! Settings that are on or off.

/// What a switch says; a variable that is set to nothing counts as one that is not set.
///
/// Other words are refused: whoever writes `FOLDLINE_DEV=no` or `disabled` must not get what they
/// meant to turn off.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        _ => Err("write true or 1 to turn it on, false or 0 to leave it off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_plainly_on_or_off_is_taken() {
        for (text, on) in [("true", true), ("1", true), ("false", false), ("0", false), ("", false)]
        {
            assert_eq!(switch(text), Ok(on), "{text:?}");
        }
        for unclear in ["yes", "no", "on", "off", "TRUE", "disabled", "2", "t"] {
            assert!(switch(unclear).is_err(), "{unclear:?}");
        }
    }
}
