//! A copy of `weir-deploy` for tests.

fn main() -> std::process::ExitCode {
    pipeline::copy_of("weir-deploy", weir_cli::commands::deploy::run)
}
