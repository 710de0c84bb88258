//! State through the real objects: load, save, update under conflict, scopes, migration (R7.3, R7.6).

use crate::host::{FakeHost, Running};
use apex_abi::outcome;
use apex_plugin_sdk::{
    Context, Error, ErrorKind, Host, Params, Plugin, Reply, Result, StateScope, async_trait, linked, reply,
    serde_json::{Value, json},
};
use futures::{executor::block_on, future::try_join_all};

struct Tally;

#[async_trait]
impl Plugin for Tally {
    async fn initialize(host: &Host) -> Result<Self> {
        host.state().update(|starts: &mut u64| *starts += 100).await?;
        Ok(Self)
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        match action {
            "get" => reply(context.load_state::<u64>().await?),
            "set" => reply(context.save_state(&params.get::<Value>("to")?).await?),
            "add" => {
                let total = context.update_state(|total: &mut u64| {
                    *total += 1;
                    *total
                });
                reply(total.await?)
            }
            "take" => {
                let taken = context.state(StateScope::Global).try_update(|total: &mut u64| {
                    *total = total.checked_sub(1000).ok_or_else(|| Error::execution("not that much"))?;
                    Ok(())
                });
                reply(taken.await?)
            }
            "add_for_tenant" => {
                let counted = context.state(StateScope::Tenant).update(|total: &mut u64| *total += 1);
                reply(counted.await?)
            }
            "add_for_user" => reply(context.state(StateScope::User).update(|total: &mut u64| *total += 1).await?),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn migrate_state(from: &str, state: Value) -> Result<Option<Value>> {
        match from {
            "1.0.0" => Ok(Some(json!({"total": state}))),
            "0.1.0" => Err(Error::execution("too old")),
            _ => Ok(None),
        }
    }
}

fn tally() -> Running {
    Running::start::<Tally>(&json!({})).unwrap().0
}

#[test]
fn none_yet_is_told_from_a_state_and_from_a_failure() {
    let tally = tally();
    tally.host.heard.lock().unwrap().states.clear();
    assert_eq!(tally.call("get", &json!({})).unwrap(), Value::Null);
    tally.call("set", &json!({"to": 7})).unwrap();
    assert_eq!(tally.call("get", &json!({})).unwrap(), 7);
    tally.call("set", &json!({"to": "seven"})).unwrap();
    let error = tally.call("get", &json!({})).unwrap_err();
    assert_eq!(error.kind, ErrorKind::StateIo);
    assert_eq!(error.message, "the saved state is of another type than this plugin expects");
}

#[test]
fn state_may_be_used_while_initializing() {
    assert_eq!(tally().call("get", &json!({})).unwrap(), 100);
}

#[test]
fn an_update_is_made_again_after_a_conflict_and_fails_after_too_many() {
    let tally = tally();
    tally.host.heard.lock().unwrap().conflicts = 5;
    assert_eq!(tally.call("add", &json!({})).unwrap(), 101);
    tally.host.heard.lock().unwrap().conflicts = 1_000_000;
    assert_eq!(tally.call("add", &json!({})).unwrap_err().kind, ErrorKind::StateConflict);
}

#[test]
fn a_save_goes_through_conflicts_too() {
    let tally = tally();
    tally.host.heard.lock().unwrap().conflicts = 5;
    tally.call("set", &json!({"to": 1})).unwrap();
    assert_eq!(tally.call("get", &json!({})).unwrap(), 1);
}

#[test]
fn a_change_that_fails_saves_nothing() {
    let tally = tally();
    assert_eq!(tally.call("take", &json!({})).unwrap_err().message, "not that much");
    assert_eq!(tally.call("get", &json!({})).unwrap(), 100);
}

#[test]
fn updates_at_once_lose_nothing() {
    let tally = tally();
    let params = json!({});
    let calls = (0..200).map(|_| tally.begin("add", &params));
    block_on(try_join_all(calls)).unwrap();
    assert_eq!(tally.call("get", &json!({})).unwrap(), 300);
}

#[test]
fn two_instances_in_two_threads_lose_nothing() {
    let (host, _canceller) = FakeHost::new();
    let instances = [(); 2].map(|()| Running::start_on(linked::<Tally>(), host.clone(), &json!({})).unwrap());
    std::thread::scope(|scope| {
        for instance in &instances {
            scope.spawn(|| (0..100).for_each(|_| drop(instance.call("add", &json!({})).unwrap())));
        }
    });
    assert_eq!(instances[0].call("get", &json!({})).unwrap(), 400);
}

#[test]
fn tenants_have_their_own_state_and_a_missing_name_is_an_error() {
    let tally = tally();
    tally.call("add_for_tenant", &json!({})).unwrap();
    tally.call("add_for_tenant", &json!({})).unwrap();
    let states = &tally.host.heard.lock().unwrap().states.clone();
    assert_eq!(states["tenant acme"].data.as_slice(), b"2");
    assert_eq!(states["global"].data.as_slice(), b"100");
    assert_eq!(tally.call("add_for_user", &json!({})).unwrap_err().kind, ErrorKind::StateIo);
}

#[test]
fn state_is_migrated_before_anything_else() {
    let plugin = linked::<Tally>().create().unwrap();
    let migrate =
        |from: &str, state: &[u8]| block_on(outcome(plugin.migrate_state(from.into(), state.to_vec().into())));
    assert_eq!(migrate("1.0.0", b"5").unwrap().unwrap().as_slice(), br#"{"total":5}"#);
    assert!(migrate("1.1.0", b"5").unwrap().is_none());
    assert_eq!(migrate("0.1.0", b"5").unwrap_err().message, "too old");
    assert_eq!(migrate("1.0.0", b"not json").unwrap_err().kind, ErrorKind::StateIo);
}
