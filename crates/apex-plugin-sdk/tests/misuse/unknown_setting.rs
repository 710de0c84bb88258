use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

#[plugin(id = "com.acme.greeter", version = "1.0.0")]
impl Greeter {}
