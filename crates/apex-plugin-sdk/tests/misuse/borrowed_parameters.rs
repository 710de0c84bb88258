use apex_plugin_sdk::{Context, plugin};

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action]
    fn greet(&self, name: &str, titles: &[String], age: &u8) {}

    /// Greets anybody.
    #[action]
    fn greet_any(&self, name: impl ToString, context: Context) {}
}
