//! `weir`: see `weir_cli::commands::weir`.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_cli::commands::weir::run)
}
