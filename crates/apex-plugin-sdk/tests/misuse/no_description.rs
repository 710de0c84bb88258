use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter")]
impl Greeter {
    #[action]
    fn greet(&self) {}
}
