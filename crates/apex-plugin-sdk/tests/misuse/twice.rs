use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    /// Greets a person.
    #[action]
    fn greet(&self) {}

    /// Greets a person, too.
    #[action(name = "greet")]
    fn greet_too(&self) {}

    /// Greets in vain.
    #[action(name = "greet me")]
    fn greet_me(&self) {}
}
