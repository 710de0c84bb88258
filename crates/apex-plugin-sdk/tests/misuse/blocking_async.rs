use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action(blocking)]
    async fn greet(&self) {}
}
