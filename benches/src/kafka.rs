//! Measures whole processes against a real broker, and the same requests without weir for comparison.

mod bare;
mod files;
mod raw;
mod requests;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use weir_rdkafka_admin::rdkafka::ClientConfig;
use weir_testkit::Broker;

use crate::table::thousands;

/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Number of SCRAM users that belong to no account of the workspace.
const USERS: usize = 300;

/// Size of the cluster.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Scale {
    #[arg(long, default_value_t = 1_000)]
    topics: usize,
    #[arg(long, default_value_t = 10_000)]
    acls: usize,
}

/// Work of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Raw requests on one socket.
    Raw,
    /// Reads with librdkafka.
    Bare,
    /// Creates topics and ACLs with librdkafka.
    Write,
    /// Creates SCRAM users.
    Users,
}

/// Does the work on the broker that the environment names, in this process.
pub(crate) fn once(work: Work, scale: Scale) -> Result<()> {
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let (address, user, password) =
        (variable("BENCH_BOOTSTRAP")?, variable("BENCH_USERNAME")?, variable("BENCH_PASSWORD")?);
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &address)
        .set("security.protocol", "SASL_PLAINTEXT")
        .set("sasl.mechanism", "SCRAM-SHA-512")
        .set("sasl.username", &user)
        .set("sasl.password", &password)
        .set("socket.nagle.disable", "true")
        .set("receive.message.max.bytes", "1000000000");
    match work {
        // The floor must not consist of error answers: every topic has more than 20 settings of at least 30 bytes.
        Work::Raw => {
            let bytes = raw::read(&address, &user, &password)?;
            ensure!(bytes > scale.topics * 600, "{bytes} bytes are too few for {} topics", scale.topics);
        }
        Work::Bare => {
            let [topics, settings, acls] = block_on(bare::read(&client))?;
            ensure!(
                topics >= scale.topics && settings > topics * 20 && acls >= scale.acls,
                "found only {topics} topics, {settings} settings, {acls} ACLs"
            );
        }
        Work::Write => block_on(bare::write(&client, scale))?,
        Work::Users => block_on(bare::users(&client, USERS))?,
    }
    Ok(())
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(work)
}

/// Prints both tables.
pub(crate) fn measure(topics: &[usize], acls: usize, runs: usize) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} processors, min / median of {runs} runs each, taking turns; {USERS} SCRAM users\n");
    println!("| topics | ACLs | | wall | CPU | to the floor | to the raw socket | |");
    println!("| ---: | ---: | --- | ---: | ---: | ---: | ---: | --- |");
    let java = Java::compile()?;
    for &topics in topics {
        plans(Scale { topics, acls }, runs, java.as_ref())?;
    }
    let scale = Scale { topics: topics.first().copied().unwrap_or(1_000), acls };
    println!("\n| topics | ACLs | | wall | CPU | to the floor | |");
    println!("| ---: | ---: | --- | ---: | ---: | ---: | --- |");
    deploys(scale, runs)
}

/// A fresh broker with the default settings, and a workspace for it.
struct Scene {
    broker: Broker,
    dir: tempfile::TempDir,
    scale: Scale,
}

impl Scene {
    fn new(scale: Scale) -> Result<Self> {
        // Brokers of tests run without the pause in which a controller gathers writes. Real brokers have it, so it is
        // set here.
        let broker = Broker::start(&["--heap", "2g", "--set", "controller.quorum.append.linger.ms=25"])
            .context("a broker needs Java and Maven")?;
        let dir = tempfile::tempdir()?;
        let properties = fs::read_to_string(broker.dir().join("data/meta.properties"))?;
        let id = properties.lines().find_map(|line| line.strip_prefix("cluster.id=")).context("no cluster id")?;
        files::write(dir.path(), scale, broker.bootstrap(), id)?;
        Ok(Self { broker, dir, scale })
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let (user, password) = self.broker.admin();
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        command.env("BENCH_BOOTSTRAP", self.broker.bootstrap());
        command.env("BENCH_USERNAME", user).env("BENCH_PASSWORD", password);
        command
    }

    fn once(&self, work: Work) -> Result<Command> {
        let mut command = self.command(env::current_exe()?);
        let name = work.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        command.args(["kafka-once", &name]);
        command.args(["--topics", &self.scale.topics.to_string(), "--acls", &self.scale.acls.to_string()]);
        Ok(command)
    }

    fn weir(&self, line: &str) -> Result<Command> {
        let mut words = line.split(' ');
        let program = env::current_exe()?.with_file_name(words.next().unwrap_or_default());
        let mut command = self.command(program);
        command.args(words);
        Ok(command)
    }
}

/// Time that one process took, in seconds.
#[derive(Clone, Copy, Debug)]
struct Taken {
    wall: f64,
    cpu: f64,
}

/// Runs a process until it ends.
fn run(mut command: Command) -> Result<Taken> {
    let (before, start) = (children_cpu(), Instant::now());
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let wall = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!(
            "{:?} failed ({}): {}",
            command.get_program(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(Taken { wall, cpu: children_cpu() - before })
}

/// Returns the processor time of ended child processes in seconds, in steps of 10 ms; 0 if the system does not report
/// it.
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The two fields are directly behind those of the process itself.
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(13).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// All runs of one kind of work.
struct Row {
    title: String,
    taken: Vec<Taken>,
    note: String,
}

impl Row {
    fn new(title: &str) -> Self {
        Self { title: title.to_owned(), taken: Vec::new(), note: String::new() }
    }

    /// Returns the shortest and the median wall time.
    fn wall(&self) -> [f64; 2] {
        let mut walls: Vec<f64> = self.taken.iter().map(|taken| taken.wall).collect();
        walls.sort_by(f64::total_cmp);
        [walls[0], walls[walls.len() / 2]]
    }

    fn cpu(&self) -> f64 {
        let mut cpu: Vec<f64> = self.taken.iter().map(|taken| taken.cpu).collect();
        cpu.sort_by(f64::total_cmp);
        cpu[cpu.len() / 2]
    }

    /// Returns the ratio to another row, by shortest and by median time.
    fn to(&self, other: &Self) -> String {
        let ([min, median], [other_min, other_median]) = (self.wall(), other.wall());
        format!("{:.2} / {:.2}", min / other_min, median / other_median)
    }
}

fn plans(scale: Scale, runs: usize, java: Option<&Java>) -> Result<()> {
    let scene = Scene::new(scale)?;
    run(scene.once(Work::Users)?)?;
    run(scene.weir("weir-plan --stage dev --out plan.json --format json")?)?;
    run(scene.weir("weir-deploy plan.json")?)?;
    // A plan directly after a deployment may still see the old state.
    let settled = || run(scene.weir("weir-plan --stage dev --detailed-exitcode")?);
    let deadline = Instant::now() + TIMEOUT;
    while let Err(error) = settled() {
        if Instant::now() > deadline {
            return Err(error.context("the deployed state is not visible"));
        }
    }
    let mut raw = Row::new("raw socket, nothing decoded");
    let mut bare = Row::new("floor: librdkafka");
    let mut javas = Row::new("floor: Java's AdminClient");
    let mut weir = Row::new("weir-plan");
    for _ in 0..runs {
        raw.taken.push(run(scene.once(Work::Raw)?)?);
        bare.taken.push(run(scene.once(Work::Bare)?)?);
        if let Some(java) = java {
            javas.taken.push(run(java.command(&scene))?);
        }
        weir.taken.push(run(scene.weir("weir-plan --stage dev --detailed-exitcode")?)?);
    }
    weir.note = format!("{} requests", block_on(requests::of_plan(&scene.broker, scene.dir.path()))?);
    let java_is_faster = !javas.taken.is_empty() && javas.wall()[0] < bare.wall()[0];
    let floor = if java_is_faster { &javas } else { &bare };
    for row in [&raw, &bare, &javas, &weir].into_iter().filter(|row| !row.taken.is_empty()) {
        let [min, median] = row.wall();
        println!(
            "| {} | {} | {} | {min:.3} / {median:.3} s | {:.2} s | {} | {} | {} |",
            thousands(scale.topics),
            thousands(scale.acls),
            row.title,
            row.cpu(),
            row.to(floor),
            row.to(&raw),
            row.note,
        );
    }
    Ok(())
}

fn deploys(scale: Scale, runs: usize) -> Result<()> {
    let (mut bare, mut weir) = (Row::new("floor: librdkafka"), Row::new("weir-deploy"));
    for _ in 0..runs {
        let scene = Scene::new(scale)?;
        bare.taken.push(run(scene.once(Work::Write)?)?);
        let scene = Scene::new(scale)?;
        run(scene.weir("weir-plan --stage dev --out plan.json --format json")?)?;
        weir.taken.push(run(scene.weir("weir-deploy plan.json")?)?);
    }
    let scene = Scene::new(scale)?;
    weir.note = format!("{} requests", block_on(requests::of_deploy(&scene.broker, scene.dir.path()))?);
    for row in [&bare, &weir] {
        let [min, median] = row.wall();
        println!(
            "| {} | {} | {} | {min:.3} / {median:.3} s | {:.2} s | {} | {} |",
            thousands(scale.topics),
            thousands(scale.acls),
            row.title,
            row.cpu(),
            row.to(&bare),
            row.note,
        );
    }
    Ok(())
}

/// Kafka's own Java client, compiled.
struct Java {
    classes: tempfile::TempDir,
    jars: String,
}

impl Java {
    /// Returns `None` if there is no Java compiler.
    fn compile() -> Result<Option<Self>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let jars = Command::new(here.join("../tools/kafka/kafka-up")).arg("--libs").output()?;
        let jars = format!("{}/*", String::from_utf8_lossy(&jars.stdout).trim());
        let classes = tempfile::tempdir()?;
        let source: PathBuf = here.join("floor/Floor.java");
        let compiled = Command::new("javac").arg("-cp").arg(&jars).arg("-d").arg(classes.path()).arg(source).status();
        Ok(compiled.is_ok_and(|status| status.success()).then_some(Self { classes, jars }))
    }

    fn command(&self, scene: &Scene) -> Command {
        let (user, password) = scene.broker.admin();
        let mut command = scene.command("java");
        // The options with the shortest start-up time.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto", "-cp"]);
        command.arg(format!("{}:{}", self.classes.path().display(), self.jars)).arg("Floor");
        command.arg(format!("bootstrap.servers={}", scene.broker.bootstrap()));
        command.args(["security.protocol=SASL_PLAINTEXT", "sasl.mechanism=SCRAM-SHA-512"]);
        command.arg(format!(
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{user}\" \
             password=\"{password}\";"
        ));
        command
    }
}
