//! Tasks of this repository, one file each: `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "tasks talk to whoever started them")]

mod bench;
mod demo;
mod docs;
mod explained;
mod keygen;
mod layers;
mod package;
mod schema;
mod sign;
mod tidy;
mod verify;
mod workspace;

use clap::{Parser, Subcommand};

/// Tasks of the apex-plugins repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, sign, trust, list, run, stream, count and tamper: the main job on real plugins.
    Demo(demo::Arguments),
    /// Build a plugin, lay it out, fill in its checksum, sign it and pack it.
    Package(package::Arguments),
    /// Make a signing key.
    Keygen(keygen::Arguments),
    /// Sign a laid-out plugin directory.
    Sign(sign::Arguments),
    /// Check the checksum and signature of a plugin directory or package.
    Verify(verify::Arguments),
    /// Fail on a dependency between crates that ARCHITECTURE.md does not draw.
    Layers,
    /// Fail on what a stranger would stumble over: undocumented modules, oversized files, stray paths.
    Tidy,
    /// Write the published schema from the types.
    Schema(schema::Arguments),
    /// Write the documentation of `plugin.json` and of the faults in it.
    Docs(docs::Arguments),
    /// Run the benchmarks and print each median beside its anchor.
    Bench(bench::Arguments),
}

fn main() -> anyhow::Result<()> {
    // The libraries that are packaged here are asked what they are in a process that runs this program again.
    apex_package::run_if_describing();
    match Arguments::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Package(arguments) => package::run(arguments),
        Task::Keygen(arguments) => keygen::run(arguments),
        Task::Sign(arguments) => sign::run(arguments),
        Task::Verify(arguments) => verify::run(arguments),
        Task::Layers => layers::run(),
        Task::Tidy => tidy::run(),
        Task::Schema(arguments) => schema::run(&arguments),
        Task::Docs(arguments) => docs::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
    }
}
