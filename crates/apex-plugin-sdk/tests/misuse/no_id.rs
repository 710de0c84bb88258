use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin]
impl Greeter {
    /// Greets a person.
    #[action]
    fn greet(&self, name: String) -> String {
        name
    }
}
