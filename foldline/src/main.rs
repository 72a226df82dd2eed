//! The `foldline` program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    foldline::main().await
}
