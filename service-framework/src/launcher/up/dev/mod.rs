//! `up --dev`: what changes is built and started again, while the rest goes on.
//!
//! A thread looks at the files of which each service is made. It looks, instead of being told by the system, because that works
//! the same in containers and on shared folders.

mod cargo;
mod look;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::checks::Plan;
use super::child::Event;
use super::ending::Readable;
use super::job::Order;
use super::screen::Screen;
use super::system::{Entry, Source};
use crate::launcher::helpers::Helpers;
use crate::launcher::resolve::{self, Places, Target};
use crate::launcher::run::read_command_model;
use crate::launcher::services::Services;

use cargo::Product;
use look::Look;

/// The time between two looks. What is written for longer than this is taken as it is after its last change.
const TICK: Duration = Duration::from_millis(300);

/// How long a build may take.
const BUILT_WITHIN: Duration = Duration::from_secs(3600);

/// How often it is said that a build goes on.
const REMINDED: Duration = Duration::from_secs(60);

/// What is looked at for a system.
pub(super) struct Development {
    screen: Arc<Screen>,
    events: Sender<Event>,
    helpers: Helpers,
    builds: Vec<Build>,
    services: Vec<Made>,
    /// The files of the system itself, which are read once.
    files: Look,
}

/// How some services are built.
#[derive(Debug, PartialEq)]
struct Build {
    command: Vec<String>,
    folder: PathBuf,
    sources: Look,
    /// The places of those that are started again after it, whatever it made.
    restarts: Vec<usize>,
    /// What is built, for people.
    what: Vec<String>,
}

/// A service and what it is made of.
struct Made {
    /// The places of its instances.
    instances: Vec<usize>,
    look: Look,
}

impl Development {
    /// What is to be looked at for the services of a plan, as all is now.
    pub(super) fn of(
        plan: &Plan,
        files: &[PathBuf],
        services: &Services,
        screen: &Arc<Screen>,
        events: &Sender<Event>,
        helpers: &Helpers,
    ) -> Self {
        let folder = files.first().map(|file| super::system::folder_of(file)).unwrap_or_default();
        let targets: Vec<_> = plan.system.services.iter().map(|entry| target(entry, services)).collect();
        let entries = || plan.system.services.iter().enumerate();
        let made = entries().zip(&targets).map(|((place, entry), target)| Made {
            instances: plan.places(place).collect(),
            look: Look::at(made_of(entry, target.as_ref())),
        });
        let own = entries().filter(|(_, entry)| !entry.build.is_empty()).map(|(place, entry)| Build {
            command: entry.build.clone(),
            folder: folder.clone(),
            sources: Look::at(entry.watch.clone()),
            restarts: plan.places(place).collect(),
            what: vec![entry.name.clone()],
        });
        let products = entries()
            .zip(&targets)
            .filter(|((_, entry), _)| entry.build.is_empty())
            .filter_map(|(_, target)| cargo::product(&program_of(target.as_ref()?)?));
        Self {
            screen: screen.clone(),
            events: events.clone(),
            helpers: helpers.clone(),
            builds: own.chain(of_cargo(products)).collect(),
            services: made.collect(),
            files: Look::at(files.to_vec()),
        }
    }

    /// Goes on until the system has ended.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start(mut self) -> std::io::Result<()> {
        let built = self.builds.iter().flat_map(|build| build.what.iter().map(String::as_str));
        let built = built.collect::<Vec<_>>().join(", ");
        let what = if built.is_empty() { "nothing".to_owned() } else { built };
        self.screen.notice(&format!("what changes is started again; built when its sources change: {what}"));
        let go_on = move || {
            while self.go_on() {
                thread::sleep(TICK)
            }
        };
        thread::Builder::new().name("dev".to_owned()).spawn(go_on).map(drop)
    }

    /// Builds and starts again what has changed since the last look; false if there is no system any more.
    fn go_on(&mut self) -> bool {
        if self.files.has_changed() {
            self.screen.notice("the system file has changed: it counts at the next start of the system");
        }
        let mut changed = Vec::new();
        for place in 0..self.builds.len() {
            if self.builds[place].sources.has_changed() && self.build(place) {
                changed.extend_from_slice(&self.builds[place].restarts);
            }
        }
        for made in &mut self.services {
            if made.look.has_changed() {
                changed.extend_from_slice(&made.instances);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        // One that fails keeps nobody else from being started again.
        changed.into_iter().all(|service| self.restart(service))
    }

    /// Whether it could be built.
    fn build(&self, place: usize) -> bool {
        let build = &self.builds[place];
        let what = build.what.join(", ");
        self.screen.notice(&format!("building {what}"));
        let began = Instant::now();
        let Some((program, arguments)) = build.command.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&build.folder);
        // One that hangs is not to be taken for one that has ended.
        let _reminder = Reminder::start(self.screen.clone(), what.clone());
        match self.helpers.ask(&mut command, BUILT_WITHIN) {
            Ok(_) => {
                self.screen.notice(&format!("built {what} in {}", Readable(began.elapsed())));
                true
            }
            Err(reason) => {
                let text = format!("{what} could not be built and goes on as before:");
                self.screen.notice(&self.screen.alarming(&text));
                reason.lines().for_each(|line| self.screen.notice(line));
                false
            }
        }
    }

    /// Has it started again, once whoever else steers the system has done; false if there is no system any more.
    fn restart(&self, service: usize) -> bool {
        loop {
            let (reply, answer) = channel();
            if self.events.send(Event::Asked { order: Order::Restart(vec![service]), reply }).is_err() {
                return false;
            }
            match answer.recv() {
                Ok(Err(refusal)) if refusal.code == "busy" => thread::sleep(TICK),
                Ok(Err(refusal)) if refusal.code == "stopping" => return false,
                // What else there is to say is on the screen.
                Ok(_) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// Says now and then that something is still being built, until it is dropped.
struct Reminder {
    _end: Option<Sender<()>>,
}

impl Reminder {
    fn start(screen: Arc<Screen>, what: String) -> Self {
        let (end, ended) = channel::<()>();
        let remind = move || {
            let began = Instant::now();
            while ended.recv_timeout(REMINDED) == Err(RecvTimeoutError::Timeout) {
                let lasting = Readable(began.elapsed());
                screen.notice(&format!("still building {what}, for {lasting}; what else changes waits"));
            }
        };
        // Without a thread it is built as well.
        let started = thread::Builder::new().name("reminder".to_owned()).spawn(remind);
        Self { _end: started.ok().map(|_| end) }
    }
}

/// One build for all that Cargo makes of one workspace in one profile.
fn of_cargo(products: impl Iterator<Item = Product>) -> Vec<Build> {
    let mut grouped: BTreeMap<(PathBuf, String), Vec<Product>> = BTreeMap::new();
    for product in products {
        let group = grouped.entry((product.workspace.clone(), product.profile.clone())).or_default();
        if !group.contains(&product) {
            group.push(product);
        }
    }
    let build = |((workspace, profile), products): ((PathBuf, String), Vec<Product>)| Build {
        command: cargo::command(&profile, &products),
        sources: Look::at_sources(&workspace),
        folder: workspace,
        restarts: Vec::new(),
        what: products.into_iter().map(|product| product.name).collect(),
    };
    grouped.into_iter().map(build).collect()
}

/// The program that is started for a service; this one if the service is its own.
fn program_of(target: &Target) -> Option<PathBuf> {
    match target {
        Target::Program { path, .. } => Some(path.clone()),
        Target::Registered(_) => std::env::current_exe().ok(),
        Target::Command(_) => None,
    }
}

fn target(entry: &Entry, services: &Services) -> Option<Target> {
    let places = Places::of_child(&entry.environment);
    resolve::resolve(Some(&entry.service), &services.names(), &places).ok()
}

/// The files of which a service is made: its program, or its model and what its command names; its addresses and config; and what
/// its entry says, unless that is built.
fn made_of(entry: &Entry, target: Option<&Target>) -> Vec<PathBuf> {
    let mut files = match target {
        Some(Target::Command(model)) => command_files(model),
        target => target.and_then(program_of).into_iter().collect(),
    };
    for source in [&entry.addresses, &entry.config].into_iter().flatten() {
        if let Source::File(path) = source {
            files.push(path.clone());
        }
    }
    if entry.build.is_empty() {
        files.extend(entry.watch.iter().cloned());
    }
    files
}

/// A model, and what is there of what its command names.
fn command_files(model: &Path) -> Vec<PathBuf> {
    let folder = super::system::folder_of(model);
    let command = read_command_model(model).ok().and_then(|model| model.command).unwrap_or_default();
    let named = command.iter().map(|word| folder.join(word)).filter(|path| path.is_file());
    std::iter::once(model.to_owned()).chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_makes_of_one_workspace_is_built_at_once() {
        let product = |workspace: &str, profile: &str, name: &str| Product {
            workspace: workspace.into(),
            profile: profile.to_owned(),
            is_example: false,
            name: name.to_owned(),
        };
        let products = [
            product("/a", "debug", "one"),
            product("/b", "debug", "other"),
            product("/a", "debug", "two"),
            product("/a", "debug", "one"),
            product("/a", "release", "one"),
        ];
        let builds = of_cargo(products.into_iter());
        let said: Vec<String> = builds.iter().map(|build| build.command.join(" ")).collect();
        assert_eq!(
            said,
            [
                "cargo build --workspace --bin one --bin two",
                "cargo build --workspace --release --bin one",
                "cargo build --workspace --bin other"
            ]
        );
        assert_eq!(builds[0].what, ["one", "two"]);
    }
}
