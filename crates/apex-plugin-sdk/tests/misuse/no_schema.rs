use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

pub struct Name(String);

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action]
    fn greet(&self, name: String) -> Name {
        Name(name)
    }
}
