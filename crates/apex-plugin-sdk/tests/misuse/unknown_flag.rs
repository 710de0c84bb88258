use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action(readonly)]
    fn greet(&self) {}

    /// Waits.
    #[action(blocking, timeout_ms = 0)]
    fn wait(&self) {}
}
