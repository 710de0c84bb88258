//! Plugins that call each other and change together: nobody waits for what waits for him.

use apex_plugins::{
    Event, Grants, GrantsError, Owner, Placement, PluginManager, UpdateStage,
    install::Plan,
    state::{StateKey, StateStore as _},
};
use apex_plugins_tests::Shop;
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{FAULTY, PATIENCE, active, agreed, call, id};

const PROBE: &str = "com.apexagent.examples.probe";
const OTHER: &str = "com.apexagent.examples.probe.other";

/// Publishes a version of a probe that calls the faulty plugin, and of that one.
fn publish(shop: &Shop, version: &str, change: impl FnOnce(&mut Value)) {
    shop.publish_version("faulty", version);
    shop.publish("probe", |manifest| {
        may_call(manifest, version, FAULTY);
        change(manifest);
    });
}

/// Describes a version of a probe that calls another plugin.
fn may_call(manifest: &mut Value, version: &str, other: &str) {
    manifest["version"] = version.into();
    manifest["permissions_required"] = json!([format!("call:{other}")]);
    manifest["dependencies"] = json!({"plugins": [{"id": other}]});
}

/// Adds an action that tells a probe's health by calling this action of a plugin with these parameters.
fn ask_for_health(manifest: &mut Value, [plugin, action, params]: [Value; 3]) {
    let parameter = |name: &str, kind: &str, default: Value| json!({"name": name, "type": kind, "description": "What to call.", "default": default});
    let parameters = [
        parameter("plugin", "string", plugin),
        parameter("action", "string", action),
        parameter("params", "object", params),
    ];
    let health = json!({"name": "health_check", "description": "Calls what it needs.", "parameters": parameters});
    manifest["actions"].as_array_mut().unwrap().push(health);
}

/// Gives the first version of a probe a state, and lets it call another plugin.
async fn keep_and_grant(shop: &Shop, plugin: &str, other: &str) {
    let owner = Owner::Publisher("examples".to_owned());
    let key = StateKey::new(id(plugin), "1.0.0".parse().unwrap()).with_owner(owner.clone());
    shop.states().save(&key, 0, &json!("kept")).await.unwrap();
    let permission = format!("call:{other}").parse().unwrap();
    let grant = |grants: &mut Grants| {
        grants.grant(id(plugin), owner, permission);
        Ok::<_, GrantsError>(())
    };
    Grants::edit(&shop.path("grants.json"), grant).unwrap();
}

/// A host of both in version 1.0.0, each with a state, of which the probe may call the other.
async fn pair(shop: &Shop) -> PluginManager {
    publish(shop, "1.0.0", |_| ());
    shop.install("probe", "1.0.0");
    keep_and_grant(shop, PROBE, FAULTY).await;
    let plugins = shop.host().build().await.unwrap();
    assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 1})).await, Ok(json!(1)));
    plugins
}

/// The plan to update both, dependencies first.
async fn plan(plugins: &PluginManager) -> Plan {
    let plan = plugins.plan_update(&[]).await.unwrap();
    let steps: Vec<_> = plan.steps.iter().map(|step| step.plugin.to_string()).collect();
    assert_eq!(steps, [FAULTY, PROBE]);
    plan
}

/// R5.3: a call under way may need what its plugin depends on, so that this is brought to rest after it.
#[tokio::test]
async fn who_calls_is_drained_before_what_it_calls() {
    for placement in [Placement::InProcess, Placement::Process] {
        let shop = Shop::new(placement);
        let plugins = pair(&shop).await;
        publish(&shop, "1.1.0", |_| ());
        let until = json!({"plugin": FAULTY, "action": "add", "params": {"by": 0}, "until": 6});
        let waiting = plugins.call(PROBE, "call").params(until).timeout(PATIENCE);
        let waiting = tokio::spawn(waiting.result());
        while !plugins.metrics().iter().any(|action| action.action == "call" && action.in_flight > 0) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let (plan, mut events) = (plan(&plugins).await, plugins.events());
        let update = tokio::spawn({
            let plugins = plugins.clone();
            async move { plugins.apply(&plan, &agreed()).await }
        });
        let mut next = async || loop {
            if let Event::Update { plugin, stage, .. } = events.next().await.unwrap() {
                break (plugin.to_string(), stage);
            }
        };
        assert_eq!(next().await, (PROBE.to_owned(), UpdateStage::Draining), "{placement}");
        // The call of the probe ends by this, which the other plugin has to serve meanwhile.
        assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 5})).await, Ok(json!(6)), "{placement}");
        assert_eq!(next().await, (FAULTY.to_owned(), UpdateStage::Draining), "{placement}");
        assert_eq!(waiting.await.unwrap().unwrap(), json!(6), "{placement}");
        assert_eq!(update.await.unwrap().unwrap().states, 2, "{placement}");
        assert_eq!((active(&plugins, PROBE), active(&plugins, FAULTY)), ("1.1.0".into(), "1.1.0".into()));
        assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 0})).await, Ok(json!(6)), "{placement}");
        plugins.shutdown(PATIENCE).await;
    }
}

/// What is on trial calls the versions that it will find, and not those that rest until the trial is over.
#[tokio::test]
async fn a_health_check_finds_the_new_versions_of_what_it_calls_with_their_state() {
    for placement in [Placement::InProcess, Placement::Process] {
        let shop = Shop::new(placement);
        let plugins = pair(&shop).await;
        publish(&shop, "1.1.0", |manifest| ask_for_health(manifest, [json!(FAULTY), json!("add"), json!({"by": 10})]));
        let plan = plan(&plugins).await;
        plugins.apply(&plan, &agreed()).await.unwrap();
        assert_eq!((active(&plugins, PROBE), active(&plugins, FAULTY)), ("1.1.0".into(), "1.1.0".into()));
        // What a health check adds is added to the state of the new version.
        assert_eq!(call(&plugins, FAULTY, "add", json!({"by": 0})).await, Ok(json!(11)), "{placement}");
        assert_eq!(call(&plugins, &format!("{FAULTY}@==1.0.0"), "add", json!({"by": 0})).await, Ok(json!(1)));
        assert!(plugins.shutdown(PATIENCE).await.leftovers.is_empty(), "{placement}");
    }
}

/// A circle has no order in which each finds the other's new version: who comes first is told so at once.
#[tokio::test]
async fn a_health_check_that_calls_what_comes_after_it_fails_at_once_and_says_why() {
    let shop = Shop::new(Placement::Process);
    let circle = [(PROBE, OTHER), (OTHER, PROBE)];
    let publish = |version: &str, change: fn(&mut Value)| {
        for (plugin, other) in circle {
            shop.publish("probe", |manifest| {
                manifest["id"] = plugin.into();
                may_call(manifest, version, other);
                change(manifest);
            });
        }
    };
    publish("1.0.0", |_| ());
    shop.install("probe", "1.0.0");
    for (plugin, other) in circle {
        keep_and_grant(&shop, plugin, other).await;
    }
    let plugins = shop.host().build().await.unwrap();
    publish("1.1.0", |manifest| {
        let other = manifest["dependencies"]["plugins"][0]["id"].clone();
        ask_for_health(manifest, [other, json!("who"), json!({})]);
    });
    let error = plugins.update(&[], &agreed()).await.unwrap_err();
    let reason = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(error.code(), "HealthCheckFailed", "{error}");
    assert!(reason.contains("is being replaced together with this plugin"), "{reason}");
    assert_eq!((active(&plugins, PROBE), active(&plugins, OTHER)), ("1.0.0".into(), "1.0.0".into()));
    plugins.shutdown(PATIENCE).await;
}
