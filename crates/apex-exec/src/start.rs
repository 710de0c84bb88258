//! Starting an instance.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use apex_abi::{PluginModule, outcome};
use apex_meta::ErrorKind;
use tokio::sync::Notify;

#[cfg(target_os = "linux")]
use crate::child::{ChildParts, ChildPlugin};
use crate::{
    CallError, InstanceOptions, Lifecycle, Limits, Loaded, Observer, Transition,
    blocking::{Limited, Pool, run_limited},
    core::{Core, Plugin, UnderWay},
    lifecycle::{LifecycleCell, announce},
    loader::Code,
    metrics::ActionCounters,
    placement::Placed,
    services::{Desk, Files},
    subject::Subject,
    timer::Timer,
    watchdog::{Watch, Watched},
};

/// Starts an instance and tells the observer of each step.
pub(crate) async fn start(loaded: Loaded, options: InstanceOptions) -> Result<Arc<Core>, CallError> {
    let (subject, observer) = (Arc::clone(&loaded.0.subject), Arc::clone(&options.observer));
    tell(&*observer, &subject, None, Lifecycle::Loaded, None);
    let core = match initialize(loaded, options).await {
        Ok(core) => core,
        Err(error) => {
            tell(&*observer, &subject, Some(Lifecycle::Loaded), Lifecycle::Failed, Some(error.clone()));
            return Err(error);
        }
    };
    core.advance(Lifecycle::Initialized, None);
    core.advance(Lifecycle::Running, None);
    Ok(core)
}

fn tell(observer: &dyn Observer, subject: &Subject, from: Option<Lifecycle>, to: Lifecycle, error: Option<CallError>) {
    let (plugin, version) = (subject.id.clone(), subject.version.clone());
    announce(observer, &Transition { plugin, version, from, to, error });
}

async fn initialize(loaded: Loaded, options: InstanceOptions) -> Result<Arc<Core>, CallError> {
    let Loaded(parts) = loaded;
    let actions = Arc::clone(&parts.actions);
    let InstanceOptions { mut configuration, services, mut limits, sandbox, observer, crashes } = options;
    let subject = match &parts.code {
        Code::Here(_) => Arc::clone(&parts.subject),
        #[cfg(target_os = "linux")]
        Code::Child(_) => {
            let denial = sandbox.denial(&parts.subject.id);
            Arc::new(Subject { denial, ..(*parts.subject).clone() })
        }
    };
    limits.slow_poll = limits.slow_poll.max(Duration::from_millis(1));
    parts
        .configuration
        .complete(&mut configuration)
        .map_err(|error| error.with_plugin(&subject.id, &subject.version))?;
    let configuration = serde_json::to_vec(&configuration).map_err(|error| {
        subject.error(ErrorKind::Configuration, "the configuration cannot be written as JSON").caused_by(&error)
    })?;
    let no_thread = |error| subject.error(ErrorKind::ResourceLimit, "the system gives no thread").caused_by(&error);
    #[cfg(not(target_os = "linux"))]
    drop(crashes);
    let timer = Timer::get().map_err(no_thread)?;
    let counters: Arc<[_]> = (0..actions.len()).map(|_| ActionCounters::default()).collect();
    let watched = Watched {
        counters: Arc::clone(&counters),
        subject: Arc::clone(&subject),
        actions: Arc::clone(&actions),
        limit: limits.slow_poll,
        observer: Arc::clone(&observer),
    };
    let watch = Watch::over(watched).map_err(no_thread)?;
    let files = Files::of(parts.verified.as_ref(), limits.max_resource_bytes);
    let desk = Arc::new(Desk::new(services, Arc::clone(&subject), files, &limits));
    let pool = Arc::new(Pool::new(limits.blocking_threads, limits.blocking_queue));
    let placed = match &parts.code {
        Code::Here(module) => here(*module, &desk, &pool, timer, &limits, configuration).await?,
        #[cfg(target_os = "linux")]
        Code::Child(program) => {
            let child = ChildParts {
                program: program.clone(),
                parts: Arc::clone(&parts),
                desk: Arc::clone(&desk),
                pool: Arc::clone(&pool),
                limits: limits.clone(),
                observer: Arc::clone(&observer),
                crashes,
                configuration,
                sandbox,
                timer,
            };
            Placed::Child(ChildPlugin::start(child).await?)
        }
    };
    Ok(Arc::new(Core {
        counters,
        document: parts.document.clone(),
        placed: Plugin::new(pool, placed),
        lifecycle: LifecycleCell::new(Lifecycle::Loaded),
        under_way: Mutex::new(UnderWay::default()),
        cut_off: AtomicBool::new(false),
        idle: Notify::new(),
        has_ended: tokio::sync::Mutex::new(false),
        subject,
        actions,
        limits,
        desk,
        timer,
        watch,
        observer,
    }))
}

/// Makes and initializes a plugin in this process.
async fn here(
    module: PluginModule,
    desk: &Arc<Desk>,
    pool: &Pool,
    timer: &'static Timer,
    limits: &Limits,
    configuration: Vec<u8>,
) -> Result<Placed, CallError> {
    let (on_thread, subject) = (Arc::clone(desk), &desk.subject);
    let create = move || async move {
        let plugin = Arc::new(module.create()?);
        outcome(plugin.initialize(on_thread.for_instance(), configuration.into())).await?;
        Ok(plugin)
    };
    match run_limited(pool, timer, limits.initialize_timeout, create).await {
        Ok(Limited::Finished(Ok(plugin))) => Ok(Placed::InProcess(plugin)),
        Ok(Limited::Finished(Err(error))) | Err(error) => Err(subject.reported(error)),
        Ok(Limited::TooSlow) => Err(subject.too_slow("initialization", limits.initialize_timeout)),
    }
}
