//! A copy of `weir` for tests.

fn main() -> std::process::ExitCode {
    pipeline::copy_of("weir", weir_cli::commands::weir::run)
}
