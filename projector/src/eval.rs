//! Calls into the model that may fail: an error and a panic are told alike, as a reason to park.

use std::panic::{AssertUnwindSafe, catch_unwind};

use model::fold::ExpressionFailed;

/// Runs a pure function of the model; what it says when it fails, by error or panic.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, ExpressionFailed>) -> Result<T, String> {
    // Nothing that the closure touches survives a panic but what it returns, so the state seen
    // afterwards is whole.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|failed| failed.to_string()),
        Err(panic) => Err(format!("a fault in the engine: {}", panic_text(panic.as_ref()))),
    }
}

/// The text of a panic, as far as it has one.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_like_an_error() {
        let told = guarded::<()>(|| panic!("index {} of 2", 3));
        assert_eq!(told, Err("a fault in the engine: index 3 of 2".to_owned()));
    }
}
