//! Typed configuration and state, migration, the end.

use apex_plugin_sdk::{
    CallContext, Context, ErrorKind, Host, Result, StateScope, plugin,
    serde_json::{Value, json},
    testing::{Harness, block_on},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) struct Counter {
    step: i64,
    host: Host,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Configuration {
    /// What to add where a call does not say.
    #[serde(default = "one")]
    step: i64,
}

fn one() -> i64 {
    1
}

#[derive(Default, Serialize, Deserialize)]
struct Total {
    value: i64,
}

#[plugin(id = "com.acme.counter", state = Total)]
impl Counter {
    #[init]
    async fn new(configuration: Configuration, host: &Host) -> Result<Self> {
        host.info("ready");
        Ok(Self { step: configuration.step, host: host.clone() })
    }

    /// Adds to the total.
    #[action]
    async fn add(&self, by: Option<i64>, context: &Context) -> Result<i64> {
        let by = by.unwrap_or(self.step);
        context
            .update_state(|total: &mut Total| {
                total.value += by;
                total.value
            })
            .await
    }

    /// Adds for the caller's tenant.
    #[action]
    async fn add_for_tenant(&self, context: &Context) -> Result<()> {
        context.state(StateScope::Tenant).update(|total: &mut Total| total.value += 1).await
    }

    #[migrate]
    async fn migrate(from: &str, state: Value) -> Result<Option<Total>> {
        match from {
            "1.0.0" => Ok(Some(Total { value: serde_json::from_value(state)? })),
            _ => Ok(None),
        }
    }

    #[shutdown]
    fn stop(&self) {
        self.host.info("stopped");
    }
}

#[test]
fn configuration_and_state_are_typed() {
    block_on(async {
        let counter = Harness::<Counter>::start_with(json!({"step": 5})).await.unwrap();
        assert_eq!(counter.call("add", json!({})).await.unwrap(), 5);
        assert_eq!(counter.call("add", json!({"by": -7})).await.unwrap(), -2);
        assert_eq!(counter.state(), Some(json!({"value": -2})));
        counter.set_state(&json!({"value": 40}));
        counter.refuse_saves(5);
        assert_eq!(counter.call("add", json!({"by": 2})).await.unwrap(), 42);
        let unfit = Harness::<Counter>::start_with(json!({"step": "x"})).await.map(drop).unwrap_err();
        assert_eq!(unfit.kind(), ErrorKind::Configuration);
    });
}

/// Its configuration is itself.
#[derive(Deserialize, JsonSchema)]
struct Greeter {
    /// The greeting where a call gives none.
    #[serde(default = "hello")]
    greeting: String,
}

fn hello() -> String {
    "Hello".to_owned()
}

#[plugin(id = "com.acme.greeter", configured)]
impl Greeter {
    /// Greets.
    #[action]
    fn greet(&self) -> String {
        self.greeting.clone()
    }
}

#[test]
fn a_plugin_may_be_its_own_configuration() {
    block_on(async {
        let greeter = Harness::<Greeter>::start_with(json!({"greeting": "Ahoy"})).await.unwrap();
        assert_eq!(greeter.call("greet", json!({})).await.unwrap(), "Ahoy");
        let greeter = Harness::<Greeter>::start().await.unwrap();
        assert_eq!(greeter.call("greet", json!({})).await.unwrap(), "Hello");
        let unfit = Harness::<Greeter>::start_with(json!({"greeting": 7})).await.map(drop).unwrap_err();
        assert_eq!(unfit.kind(), ErrorKind::Configuration);
    });
    let described = Harness::<Greeter>::description().unwrap().to_json();
    assert_eq!(described["configuration_schema"]["properties"]["greeting"]["default"], "Hello");
}

#[test]
fn tenants_have_a_state_of_their_own() {
    block_on(async {
        let counter = Harness::<Counter>::start().await.unwrap();
        assert_eq!(counter.call("add_for_tenant", json!({})).await.unwrap_err().kind(), ErrorKind::StateIo);
        let acme = CallContext { tenant: Some("acme".to_owned()), ..CallContext::default() };
        let counter = counter.on_behalf_of(acme);
        counter.call("add_for_tenant", json!({})).await.unwrap();
        assert_eq!(counter.state_of(StateScope::Tenant), Some(json!({"value": 1})));
        assert_eq!(counter.state(), None);
    });
}

#[test]
fn states_are_migrated_before_there_is_an_instance() {
    block_on(async {
        assert_eq!(Harness::<Counter>::migrate("1.0.0", json!(5)).await.unwrap(), Some(json!({"value": 5})));
        assert_eq!(Harness::<Counter>::migrate("0.9.0", json!(5)).await.unwrap(), None);
        assert!(Harness::<Counter>::migrate("1.0.0", json!("five")).await.is_err());
    });
}

#[test]
fn the_beginning_and_the_end_are_the_authors() {
    block_on(async {
        let counter = Harness::<Counter>::start().await.unwrap();
        assert_eq!(counter.log()[0].1, "ready");
        counter.shutdown().await.unwrap();
    });
}
