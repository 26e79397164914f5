//! `weir-entity`: see `weir_cli::commands::entity`.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_cli::commands::entity::run)
}
