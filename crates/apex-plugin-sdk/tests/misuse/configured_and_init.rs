use apex_plugin_sdk::plugin;

pub struct Greeter;

#[plugin(id = "com.acme.greeter", configured)]
impl Greeter {
    #[init]
    fn new() -> Self {
        Self
    }
}
