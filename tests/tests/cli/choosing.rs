//! Which version serves a request: host and operator are told the same (R2.2, R4.1 to R4.4, R4.7).

use apex_plugins::{PluginManager, PluginSpec, meta::Status, trust::TrustStore};
use serde_json::json;

use crate::house::{House, Proof};

fn plant(house: &House, id: &str, versions: &[&str]) {
    for version in versions {
        house.plant(&format!("{id}-{version}"), Proof::Signature(house.key()), |manifest| {
            manifest["id"] = format!("com.acme.{id}").into();
            manifest["version"] = (*version).into();
        });
    }
}

fn host(house: &House) -> PluginManager {
    let trust = TrustStore::load(&house.path("trust.json")).unwrap();
    let building = PluginManager::builder().root(house.root()).trust(trust).build();
    futures::executor::block_on(building).unwrap()
}

fn spec(text: &str) -> PluginSpec {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn host_and_operator_get_the_same_version_by_the_same_rules() {
    let house = House::new();
    plant(&house, "x", &["1.9.0", "0.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0"]);
    plant(&house, "early", &["1.0.0-beta.2", "1.0.0-beta.10", "1.0.0-alpha"]);
    let host = host(&house);
    for (request, chosen) in [
        ("com.acme.x", "1.10.0"),
        ("com.acme.x@*", "1.10.0"),
        ("com.acme.x@<1.10", "1.9.0"),
        ("com.acme.x@~=1.2.0", "1.2.0"),
        ("com.acme.x@==1.*, !=1.10.0", "1.9.0"),
        ("com.acme.x@^0.9", "0.9.0"),
        ("com.acme.x@~1.9", "1.9.0"),
        ("com.acme.x@=1.2", "1.2.0"),
        ("com.acme.x@===1.9.0", "1.9.0"),
        // A pre-release, because the specifier names one, or because nothing stable would do.
        ("com.acme.x@>=1.0.0-a", "2.0.0-rc.1"),
        ("com.acme.x@>1.10.0", "2.0.0-rc.1"),
        ("com.acme.early", "1.0.0-beta.10"),
    ] {
        let selection = host.select(&spec(request)).unwrap_or_else(|error| panic!("{request}: {error}"));
        let catalogue = host.catalogue();
        let entry = &catalogue.versions(&spec(request).id)[selection.index];
        assert_eq!(entry.version().unwrap().to_string(), chosen, "{request}");
        assert_eq!(house.json(&["why", request])["chosen"], chosen, "{request}");
    }
    let catalogue = host.catalogue();
    let versions = catalogue.versions(&spec("com.acme.x").id).iter();
    let sorted: Vec<_> = versions.clone().map(|entry| entry.version().unwrap().to_string()).collect();
    assert_eq!(sorted, ["2.0.0-rc.1", "1.10.0", "1.9.0", "1.2.0", "0.9.0"]);
    assert!(versions.clone().all(|entry| entry.status() == Status::Ready), "all of them are kept");
}

#[test]
fn what_cannot_be_had_lists_what_there_is_and_why_it_will_not_do() {
    let house = House::new();
    plant(&house, "x", &["1.0.0", "1.1.0"]);
    let expected = "no version of plugin `com.acme.x` satisfies `^2`; passed over: 1.1.0 (does not satisfy `^2`), \
                    1.0.0 (does not satisfy `^2`)";
    assert_eq!(host(&house).select(&spec("com.acme.x@^2")).unwrap_err().to_string(), expected);
    let shown = house.apex(&["run", "com.acme.x@^2", "act"]).expect(3).stderr;
    assert!(shown.contains(expected) && shown.contains("help: "), "{shown}");
    let error = house.apex(&["--json", "run", "com.acme.x@^2", "act"]).expect(3).error();
    let details: Vec<_> = error["details"]["considered"].as_array().unwrap().iter().collect();
    let told: Vec<_> = details.iter().map(|one| (&one["version"], &one["verdict"])).collect();
    let row = |version| (json!(version), json!("not-matching"));
    assert_eq!(
        told.iter().map(|(a, b)| ((*a).clone(), (*b).clone())).collect::<Vec<_>>(),
        [row("1.1.0"), row("1.0.0")]
    );
}

#[test]
fn a_specifier_that_cannot_be_read_is_pointed_into() {
    let house = House::new();
    let expected = "expected a comma or the end at character 8, found 'b'";
    let error = "com.acme.x@>=2.0.0b3".parse::<PluginSpec>().unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    let shown = house.apex(&["why", "com.acme.x@>=2.0.0b3"]).expect(2).stderr;
    assert!(shown.contains(expected), "{shown}");
}
