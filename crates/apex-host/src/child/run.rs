//! The plugin's code: loaded, initialized, called, and its results said.

use std::{path::Path, sync::Arc};

use apex_abi::{
    AbiError, Chunks, PluginBox, PluginError, PluginModule, RString, call_box, host_box, load_module, outcome,
};
use apex_meta::ErrorKind;
use apex_protocol::{Failure, Message, TooLarge};

use super::Child;
use crate::{
    call::{Call, PluginSide},
    services::Services,
};

impl Child {
    pub(super) async fn initialize(
        self: &Arc<Self>,
        type_name: &str,
        log_level: u8,
        configuration: Vec<u8>,
    ) -> Result<(), PluginError> {
        // Without its confinement no code of the plugin comes into this process.
        if let Err(why) = &self.confined {
            return Err(PluginError::new(ErrorKind::IsolationUnavailable, why.clone()));
        }
        let module = load(&self.library, type_name)?;
        let plugin = Arc::new(module.create()?);
        let services = Services { child: Arc::clone(self), log_level };
        outcome(plugin.initialize(host_box(services), configuration.into())).await?;
        let again = |_| PluginError::new(ErrorKind::ProtocolViolation, "initialized twice");
        self.plugin.set(plugin).map_err(again)
    }

    pub(super) async fn run(
        &self,
        plugin: &PluginBox,
        call: &Arc<Call>,
        action: RString,
        params: Vec<u8>,
        is_stream: bool,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        let (side, params) = (call_box(PluginSide(Arc::clone(call))), params.into());
        if !is_stream {
            return outcome(plugin.execute(side, action, params)).await.map(|result| Some(result.into()));
        }
        let chunks = Chunks::new(outcome(plugin.execute_stream(side, action, params)).await?);
        self.pass_on(call, chunks).await.map(|()| None)
    }

    pub(super) fn answer(&self, number: u64, result: &Result<Option<Vec<u8>>, PluginError>) {
        let said = match result {
            Ok(value) => self.say(number, &Message::Answer(value.as_deref())),
            Err(error) => self.fail(number, error.clone()),
        };
        // What does not fit is told without what makes it large.
        if let Err(error) = said {
            let _ = self.fail(number, too_large(error));
        }
    }

    fn fail(&self, number: u64, error: PluginError) -> Result<(), TooLarge> {
        let error = AbiError::from(error);
        let causes = error.causes.iter().map(RString::as_str).collect();
        let (message, details) = (error.message.as_str(), error.details.as_slice());
        self.say(number, &Message::Failure(Failure { kind: error.kind, message, details, causes }))
    }
}

pub(super) fn too_large(error: TooLarge) -> PluginError {
    PluginError::new(ErrorKind::ResourceLimit, error.to_string())
}

/// The plugin's module, if it is of the type that its entry point names.
fn load(library: &Path, type_name: &str) -> Result<PluginModule, PluginError> {
    // SAFETY: the host verified these bytes, and they are sealed.
    #[expect(unsafe_code, reason = "the one place where a plugin's code enters the process")]
    let module = unsafe { load_module(library) }.map_err(|error| {
        let message = match &error {
            apex_abi::LoadError::Open { source, .. } => format!("its library cannot be opened: {source}"),
            apex_abi::LoadError::Mismatch { mismatch, .. } => format!("its library does not fit this host: {mismatch}"),
            other => other.to_string(),
        };
        PluginError::new(error.kind(), message)
    })?;
    match module.type_name() {
        found if found == type_name => Ok(module),
        found => {
            let found = found.escape_debug();
            let message = format!("its entry point names `{type_name}`, but its library exports `{found}`");
            Err(PluginError::new(ErrorKind::LoadFailed, message))
        }
    }
}
