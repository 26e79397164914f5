//! A copy of `weir-entity` for tests.

fn main() -> std::process::ExitCode {
    pipeline::copy_of("weir-entity", weir_cli::commands::entity::run)
}
