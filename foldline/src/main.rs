//! The `foldline` program.

use std::process::ExitCode;

/// Requests are made on one thread and dropped on another, all day: an allocator made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    foldline::main().await
}
