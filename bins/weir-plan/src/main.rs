//! See the library of this package.

fn main() -> std::process::ExitCode {
    weir_cli::main(weir_plan_cli::run)
}
