use apex_plugin_sdk::{action, plugin};

#[action]
pub fn greet() {}

#[plugin(id = "com.acme.greeter")]
pub struct Greeter;
