//! `weir-plan`: see `weir_cli::commands::plan`.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_cli::commands::plan::run)
}
