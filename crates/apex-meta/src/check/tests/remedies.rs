//! What is proposed in place of what was written.

use serde_json::{Value, json};

use super::{manifest::full, put, report};

/// R1.1: the fault's remedy holds what the author would have to write.
#[test]
fn a_remedy_is_made_of_what_stands_there() {
    #[rustfmt::skip]
    let rows: &[(&str, Value, &str)] = &[
        ("/dependencies", json!([]), "remove the empty list"),
        ("/dependencies", json!(["requests", "x==1.0.0"]), r#"{"python_libraries": [{"name": "requests"}, {"name": "x", "version_specifier": "==1.0.0"}]}"#),
        ("/dependencies", json!([{"id": "a"}]), "the first with an `id`"),
        ("/dependencies", json!("x"), "python_libraries"),
        ("/dependencies/plugins", json!({}), r#"`"plugins": []`, or remove"#),
        ("/dependencies/plugins", json!({"com.x": "^1", "com.y": "*"}), r#"[{"id": "com.x", "version_specifier": "^1"}, {"id": "com.y"}]"#),
        ("/dependencies/plugins", json!({"com.x": 1}), "a list of objects that have `id`"),
        ("/dependencies/plugins/0", json!("com.x"), r#"{"id": "com.x"}"#),
        ("/dependencies/python_libraries/0", json!("x>=2"), r#"{"name": "x", "version_specifier": ">=2"}"#),
        ("/actions/0/parameters", json!({"type": "object", "properties": {}}), "`parameters_schema`"),
        ("/actions/0/parameters", json!({"to": "string"}), r#"`"parameters": [{"#),
        ("/actions/0/returns", json!("str"), r#"`{"type": "string"}`"#),
        ("/actions/0/parameters/0/type", json!(["string", "null"]), "one type"),
        ("/actions", json!({}), r#"`"actions": [{"#),
        ("/author", json!({"name": "A"}), r#"`"author": "Acme Ltd"`"#),
        ("/author", json!(""), r#"`"author": "Acme Ltd"`"#),
        ("/dependencies/libraries", json!({}), "x-"),
        ("/required_api_keys", json!([]), "configuration_schema"),
    ];
    for (pointer, value, part) in rows {
        let mut manifest = full();
        put(&mut manifest, pointer, value.clone());
        let report = report(&manifest);
        let fault = report.all().next().unwrap();
        assert!(fault.hint.as_deref().unwrap_or_default().contains(part), "{pointer} = {value}: {fault:#?}");
    }
}

#[test]
fn a_member_under_another_name_is_said_to_need_another_value_too() {
    for (name, value, absent, hint) in [
        (
            "permissions",
            json!("net"),
            "permissions_required",
            "did you mean `permissions_required`? write a list, such as [\"one\", \"two\"]",
        ),
        ("permissions", json!(["net"]), "permissions_required", "did you mean `permissions_required`?"),
        ("keywords", json!("a, b"), "tags", "did you mean `tags`? write a list, such as [\"one\", \"two\"]"),
        (
            "enabled",
            json!("yes"),
            "default_enabled",
            "did you mean `default_enabled`? write it as in `\"default_enabled\": false`",
        ),
    ] {
        let mut manifest = full();
        manifest.as_object_mut().unwrap().remove(absent);
        manifest[name] = value;
        assert_eq!(report(&manifest).warnings()[0].hint.as_deref(), Some(hint));
    }
}

#[test]
fn the_entry_point_is_put_together_from_module_and_class() {
    for (members, hint) in [
        (
            json!({"main_module": "pkg/my-module.py", "class_name": "Greeter"}),
            Some("write `\"entry_point\": \"pkg.my_module.Greeter\"` in place of `main_module` and `class_name`"),
        ),
        (
            json!({"main": "./run.py"}),
            Some(
                "write `\"entry_point\": \"run.ClassName\"` in place of `main`, with the name of the plugin's class for `ClassName`",
            ),
        ),
        (json!({"main": "greeter::Greeter"}), Some("rename `main` to `entry_point`")),
        (json!({"main": "../../etc/passwd"}), Some("rename `main` to `entry_point`")),
    ] {
        let mut manifest = full();
        manifest.as_object_mut().unwrap().remove("entry_point");
        manifest.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(report(&manifest).faults()[0].hint.as_deref(), hint, "{members}");
    }
}
