//! `weir-validate`: see `weir_cli::commands::validate`.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_cli::commands::validate::run)
}
