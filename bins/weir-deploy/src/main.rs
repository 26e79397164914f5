//! `weir-deploy`: see `weir_cli::commands::deploy`.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_cli::commands::deploy::run)
}
