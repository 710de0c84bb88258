//! What the host offers, as the plugin in the child reaches it.

use std::sync::Arc;

use apex_abi::{
    CalledPlugin, FfiFuture, HostObject, LoadedState, PluginError, RString, RVec, ReadResource, SavedState,
    StateRecord, contained,
};
use apex_meta::ErrorKind;
use apex_protocol::Message;

use crate::child::Child;

/// What the plugin may use for the life of its instance.
pub(crate) struct Services {
    pub(crate) child: Arc<Child>,
    pub(crate) log_level: u8,
}

/// The number of calls for what belongs to none.
pub(crate) const NO_CALL: u64 = 0;

impl Child {
    pub(crate) fn log(&self, call: u64, level: u8, target: &str, message: &str, fields: &[u8]) {
        // What is too long for the host is lost to it.
        let _ = self.say(call, &Message::Log { level, target, message, fields });
    }

    pub(crate) fn load_state(self: &Arc<Self>, call: u64, scope: &str) -> FfiFuture<LoadedState> {
        let answer = self.ask(&Message::LoadState { call, scope }, ErrorKind::StateTooLarge);
        contained(
            async move {
                let state: Result<Option<(u64, Vec<u8>)>, PluginError> = answer.await;
                Ok(state?.map(|(generation, data)| StateRecord { generation, data: data.into() }).into())
            },
            drop,
        )
    }

    pub(crate) fn save_state(
        self: &Arc<Self>,
        call: u64,
        scope: &str,
        expected: u64,
        data: &[u8],
    ) -> FfiFuture<SavedState> {
        let answer = self.ask(&Message::SaveState { call, scope, expected, data }, ErrorKind::StateTooLarge);
        contained(async move { Ok(answer.await?.map_or(0, |(generation, _)| generation)) }, drop)
    }

    pub(crate) fn call_plugin(
        self: &Arc<Self>,
        call: u64,
        plugin: &str,
        action: &str,
        params: &[u8],
    ) -> FfiFuture<CalledPlugin> {
        let answer = self.ask(&Message::CallPlugin { call, plugin, action, params }, ErrorKind::ResourceLimit);
        contained(async move { Ok(answer.await?.map_or_else(RVec::new, |(_, result)| result.into())) }, drop)
    }

    pub(crate) fn read_resource(self: &Arc<Self>, call: u64, path: &str) -> FfiFuture<ReadResource> {
        let answer = self.ask(&Message::ReadResource { call, path }, ErrorKind::ResourceLimit);
        contained(async move { Ok(answer.await?.map_or_else(RVec::new, |(_, bytes)| bytes.into())) }, drop)
    }
}

impl HostObject for Services {
    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        self.child.log(NO_CALL, level, &target, &message, &fields);
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        self.child.load_state(NO_CALL, &scope)
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        self.child.save_state(NO_CALL, &scope, expected, &data)
    }

    fn log_level(&self) -> u8 {
        self.log_level
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        self.child.read_resource(NO_CALL, &path)
    }
}
