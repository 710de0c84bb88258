//! Typed actions: parameters, results, streams, progress, cancellation.

use std::time::Duration;

use apex_plugin_sdk::{
    Context, Error, ErrorKind, Result,
    futures::{Stream, StreamExt as _, stream},
    plugin,
    serde_json::json,
    testing::{Harness, block_on},
    tokio::time::sleep,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Default)]
pub(crate) struct Desk {
    greetings: Vec<String>,
}

/// A place.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Place {
    /// How far to the east.
    x: i32,
    y: Option<u8>,
}

#[plugin(id = "com.acme.desk")]
impl Desk {
    /// Greets a person.
    ///
    /// Whatever
    /// the hour.
    #[action(read_only, idempotent)]
    #[example({"name": "Ada"} => "Hello, Ada!")]
    #[example(run, {"name": "Ada", "greeting": "Hi", "times": 2})]
    pub(crate) fn greet(
        &self,
        /// Who to greet.
        #[schemars(length(min = 1, max = 200))]
        name: String,
        #[default = "Hello".to_owned()] greeting: String,
        times: Option<u8>,
    ) -> String {
        let _ = &self.greetings;
        vec![format!("{greeting}, {name}!"); usize::from(times.unwrap_or(1))].join(" ")
    }

    /// Works through steps.
    #[action(progress, timeout_ms = 5000)]
    async fn work(&self, #[default] steps: u64, context: &Context) -> Result<u64> {
        for step in 1..=steps {
            context.cancelled_or(sleep(Duration::from_millis(1))).await?;
            context.progress(step, steps, "working");
        }
        Ok(steps)
    }

    /// Reads a number.
    #[action(name = "read-number", blocking, destructive = false)]
    fn read(&self, text: String) -> std::result::Result<i64, std::num::ParseIntError> {
        text.parse()
    }

    /// Moves to a place.
    #[action]
    fn r#move(&self, to: Place, #[serde(rename = "type")] kind: String) -> Place {
        let _ = kind;
        Place { x: to.x + 1, y: to.y }
    }

    /// Does nothing.
    #[action]
    fn nothing(&self) {}

    /// Counts.
    #[action]
    fn count(&self, n: u64) -> impl Stream<Item = Result<u64>> {
        stream::iter(1..=n).map(|number| if number == 4 { Err(Error::execution("four")) } else { Ok(number) })
    }

    /// Lists what it borrows of the desk and of the call.
    #[action]
    async fn borrowed(&self, context: &Context) -> Result<impl Stream<Item = bool>> {
        sleep(Duration::from_millis(1)).await;
        let greetings = stream::iter(&self.greetings).map(String::is_empty);
        Ok(greetings.chain(stream::once(async { context.is_cancelled() })))
    }

    /// Sends bytes.
    #[action(content_type = "application/octet-stream")]
    fn bytes(&self) -> impl Stream<Item = Vec<u8>> {
        stream::iter([vec![0, 255], Vec::new()])
    }

    /// Panics.
    #[action]
    fn panic(&self) {
        panic!("on purpose")
    }
}

#[test]
fn parameters_are_typed_and_defaults_are_the_codes() {
    block_on(async {
        let desk = Harness::<Desk>::start().await.unwrap();
        assert_eq!(desk.call("greet", json!({"name": "Ada"})).await.unwrap(), "Hello, Ada!");
        let twice = desk.call("greet", json!({"name": "Ada", "greeting": "Hi", "times": 2})).await.unwrap();
        assert_eq!(twice, "Hi, Ada! Hi, Ada!");
        let moved = desk.call("move", json!({"to": {"x": 1}, "type": "walk"})).await.unwrap();
        assert_eq!(moved, json!({"x": 2, "y": null}));
        assert_eq!(desk.call("nothing", json!({})).await.unwrap(), json!(null));
    });
}

#[test]
fn what_does_not_fit_is_an_invalid_parameter_and_not_a_panic() {
    block_on(async {
        let desk = Harness::<Desk>::start().await.unwrap();
        for params in [json!({}), json!({"name": 1}), json!({"name": "Ada", "nam": ""}), json!([]), json!(null)] {
            let error = desk.call("greet", params.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidParameters, "{params}: {error:?}");
        }
        let error = desk.call("nothing", json!({"any": 1})).await.unwrap_err();
        assert!(error.causes()[0].contains("unknown field `any`"), "{error:?}");
    });
}

#[test]
fn errors_and_panics_are_those_of_the_call() {
    block_on(async {
        let desk = Harness::<Desk>::start().await.unwrap();
        assert_eq!(desk.call("read-number", json!({"text": "-7"})).await.unwrap(), -7);
        let error = desk.call("read-number", json!({"text": "x"})).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Execution, "invalid digit found in string"));
        assert_eq!(desk.call("panic", json!({})).await.unwrap_err().kind(), ErrorKind::PluginPanicked);
        assert_eq!(desk.call("dance", json!({})).await.unwrap_err().kind(), ErrorKind::ActionNotFound);
        assert_eq!(desk.call("count", json!({"n": 1})).await.unwrap_err().kind(), ErrorKind::ActionNotFound);
        let error = desk.chunks("greet", json!({"name": "Ada"})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StreamingNotSupported);
    });
}

#[test]
fn progress_is_captured_and_a_cancelled_call_stops() {
    block_on(async {
        let desk = Harness::<Desk>::start().await.unwrap();
        assert_eq!(desk.call("work", json!({"steps": 2})).await.unwrap(), 2);
        let percentages: Vec<_> = desk.progress().iter().map(|progress| progress.percentage).collect();
        assert_eq!(percentages, [Some(50.0), Some(100.0)]);
        desk.cancel();
        assert_eq!(desk.call("work", json!({"steps": 2})).await.unwrap_err().kind(), ErrorKind::Cancelled);
    });
}

#[test]
fn streams_yield_what_they_borrow_and_end_at_the_first_error() {
    block_on(async {
        let desk = Harness::<Desk>::start().await.unwrap();
        assert_eq!(desk.chunks("count", json!({"n": 3})).await.unwrap(), [1, 2, 3]);
        let mut chunks = desk.stream("count", json!({"n": 9})).await.unwrap();
        let first: Vec<_> = chunks.by_ref().take(3).map(|chunk| chunk.is_ok()).collect().await;
        assert_eq!(first, [true; 3]);
        assert_eq!(chunks.next().await.unwrap().unwrap_err().message(), "four");
        assert!(chunks.next().await.is_none());
        assert_eq!(desk.chunks("borrowed", json!({})).await.unwrap(), [false]);
        assert_eq!(desk.chunks("bytes", json!({})).await.unwrap(), [json!([0, 255]), json!([])]);
    });
}
