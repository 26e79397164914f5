//! A copy of `weir-plan` for tests.

fn main() -> std::process::ExitCode {
    pipeline::copy_of("weir-plan", weir_cli::commands::plan::run)
}
