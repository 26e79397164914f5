//! A copy of `weir-validate` for tests.

fn main() -> std::process::ExitCode {
    pipeline::copy_of("weir-validate", weir_cli::commands::validate::run)
}
