use apex_plugin_sdk::plugin;

#[derive(Default)]
pub struct Greeter;

pub struct Total(u8);

#[plugin(id = "com.acme.greeter", state = Total)]
impl Greeter {}
