//! Queries over the catalogue (R2.10).

use apex_discover::{Catalogue, Query};
use apex_meta::Status;
use serde_json::json;

use crate::plant::{Plugin, Roots};

fn catalogue() -> Catalogue {
    let roots = Roots::new(1);
    Plugin::new("mail", "1.0.0")
        .with("tags", json!(["mail", "Office"]))
        .with("permissions_required", json!(["network:smtp"]))
        .with("author", json!("Ada <ada@acme.example>"))
        .plant(&roots.at("mail1"));
    Plugin::new("mail", "2.0.0-rc.1").with("tags", json!(["mail"])).plant(&roots.at("mail2"));
    Plugin::new("numbers", "1.0.0")
        .with("default_enabled", json!(false))
        .with(
            "actions",
            json!([
                {"name": "count", "description": "Counts.", "returns_stream": true,
                 "stream_metadata": {"content_type": "Text/CSV; charset=utf-8"}},
                {"name": "sum", "description": "Sums.", "supports_progress_reporting": true},
            ]),
        )
        .plant(&roots.at("numbers"));
    Plugin::new("bad id", "1.0.0").plant(&roots.at("bad"));
    roots.discover()
}

#[test]
fn a_query_finds_what_fits_every_condition() {
    let catalogue = catalogue();
    let all = ["mail 2.0.0-rc.1", "mail 1.0.0", "numbers 1.0.0", "invalid"];
    let rows: Vec<(Query, Vec<&str>)> = vec![
        (Query::new(), all.to_vec()),
        (Query::new().tag("MAIL"), vec![all[0], all[1]]),
        (Query::new().tag("office"), vec![all[1]]),
        (Query::new().tag("off"), vec![]),
        (Query::new().author("ADA"), vec![all[1]]),
        (Query::new().permission("network:smtp"), vec![all[1]]),
        (Query::new().permission("network"), vec![]),
        (Query::new().action("count"), vec![all[2]]),
        (Query::new().streaming(true), vec![all[2]]),
        (Query::new().progress(true), vec![all[2]]),
        (Query::new().streaming(true).progress(true), vec![]),
        (Query::new().action("sum").streaming(true), vec![]),
        (Query::new().action("sum").progress(true), vec![all[2]]),
        (Query::new().content_type("text/csv"), vec![all[2]]),
        (Query::new().content_type("text/*"), vec![all[2]]),
        (Query::new().content_type("text/plain"), vec![]),
        (Query::new().status(Status::Disabled), vec![all[2]]),
        (Query::new().status(Status::Invalid), vec![all[3]]),
        (Query::new().newest(), vec![all[1], all[2], all[3]]),
        (Query::new().newest().tag("mail").status(Status::Ready), vec![all[1]]),
        (Query::new().newest().tag("mail").streaming(true), vec![]),
    ];
    for (query, expected) in rows {
        let found: Vec<_> = catalogue
            .find(&query)
            .into_iter()
            .map(|entry| match (entry.id(), entry.version()) {
                (Some(id), Some(version)) => format!("{id} {version}"),
                _ => entry.status().to_string(),
            })
            .collect();
        assert_eq!(found, expected, "{query:?}");
    }
}
