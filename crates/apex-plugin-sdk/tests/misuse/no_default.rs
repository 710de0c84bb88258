use apex_plugin_sdk::plugin;

pub struct Greeter(String);

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action]
    fn greet(&self) -> String {
        self.0.clone()
    }
}
