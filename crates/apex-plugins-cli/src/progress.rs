//! Progress of an action: a bar on a terminal, lines elsewhere, JSON for programs.

use std::time::Duration;

use apex_plugins::meta::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::{escape, stderr::Stderr};

/// Shows what an action says of its progress, on standard error.
pub(crate) struct Reporter {
    stderr: Stderr,
    form: Form,
}

enum Form {
    Silent,
    Json,
    /// Lines, and the last one shown, so that nothing is said twice.
    Lines(Option<String>),
    /// A bar, which appears with the first progress.
    Bar(Option<Bar>),
}

/// What moves on a terminal: a spinner until the action says how far it is, then a bar with the time that is left.
struct Bar {
    drawn: ProgressBar,
    is_measured: bool,
}

impl Reporter {
    /// A reporter that suits the standard error at hand.
    pub(crate) fn new(stderr: &Stderr, quiet: bool) -> Self {
        let form = match () {
            () if quiet => Form::Silent,
            () if stderr.is_json() => Form::Json,
            () if stderr.is_fancy() => Form::Bar(None),
            () => Form::Lines(None),
        };
        Self { stderr: stderr.clone(), form }
    }

    /// Shows how far the action is.
    pub(crate) fn show(&mut self, progress: &Progress) {
        match &mut self.form {
            Form::Silent => {}
            Form::Json => self.stderr.object(&json!({ "progress": progress })),
            Form::Lines(last) => {
                let line = describe(progress);
                if last.as_ref() != Some(&line) {
                    self.stderr.line(&line);
                    *last = Some(line);
                }
            }
            Form::Bar(bar) => {
                let bar = bar.get_or_insert_with(|| {
                    let bar = Bar::new(ProgressDrawTarget::stderr());
                    self.stderr.show_bar(Some(bar.drawn.clone()));
                    bar
                });
                bar.advance(progress);
            }
        }
    }

    /// Does something that writes to the terminal while the bar, if there is one, is out of the way.
    pub(crate) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.form {
            Form::Bar(Some(bar)) => bar.drawn.suspend(write),
            _ => write(),
        }
    }

    /// Takes the bar away, so that what follows stands on clean lines.
    pub(crate) fn finish(&mut self) {
        if let Form::Bar(Some(bar)) = &self.form {
            self.stderr.show_bar(None);
            bar.drawn.finish_and_clear();
            self.form = Form::Bar(None);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.finish();
    }
}

fn describe(progress: &Progress) -> String {
    let message = progress.message.as_deref().map(escape::line);
    match (progress.percentage, message) {
        (Some(percentage), Some(message)) => format!("progress: {percentage:>3.0}% {message}"),
        (Some(percentage), None) => format!("progress: {percentage:>3.0}%"),
        (None, Some(message)) => format!("progress: {message}"),
        (None, None) => "progress: working".to_owned(),
    }
}

impl Bar {
    /// Hundredths of a percent, so that the time that is left is told of slow actions too.
    const WHOLE: u64 = 10_000;

    /// How often the spinner turns while the action says nothing.
    const TURN: Duration = Duration::from_millis(120);

    fn new(target: ProgressDrawTarget) -> Self {
        let drawn = ProgressBar::with_draw_target(Some(Self::WHOLE), target);
        let bar = Self { drawn, is_measured: false };
        bar.wear("{spinner} {elapsed} {wide_msg}");
        bar.drawn.enable_steady_tick(Self::TURN);
        bar
    }

    /// Without colours: NO_COLOR and taste agree.
    fn wear(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.drawn.set_style(style.progress_chars("=> "));
        }
    }

    fn advance(&mut self, progress: &Progress) {
        if let Some(percentage) = progress.percentage.filter(|percentage| percentage.is_finite()) {
            if !std::mem::replace(&mut self.is_measured, true) {
                self.wear("{spinner} [{bar:24}] {percent:>3}% {elapsed} gone, {eta} left {wide_msg}");
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "brought into 0 to 100 first")]
            self.drawn.set_position((percentage.clamp(0.0, 100.0) * 100.0) as u64);
        }
        if let Some(message) = &progress.message {
            self.drawn.set_message(escape::line(message).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_and_what_with_escapes_shown() {
        for (progress, line) in [
            (Progress::percent(42.4).with_message("working"), "progress:  42% working"),
            (Progress::percent(f64::NAN), "progress: working"),
            (Progress::percent(100.0), "progress: 100%"),
            (Progress::default().with_message("a\u{1b}[2J\nb"), "progress: a\\x1b[2J\\nb"),
        ] {
            assert_eq!(describe(&progress), line);
        }
    }

    #[test]
    fn a_spinner_turns_into_a_bar_once_the_action_says_how_far_it_is() {
        let mut bar = Bar::new(ProgressDrawTarget::hidden());
        bar.advance(&Progress::default().with_message("reading"));
        assert_eq!((bar.is_measured, bar.drawn.message().as_str()), (false, "reading"));
        for (percentage, position) in [(12.345, 1234), (f64::NAN, 1234), (-1.0, 0), (1e300, Bar::WHOLE)] {
            bar.advance(&Progress::percent(percentage).with_message("a\u{1b}[2J"));
            assert_eq!((bar.is_measured, bar.drawn.position()), (true, position), "{percentage}");
        }
        assert_eq!(bar.drawn.message(), "a\\x1b[2J");
    }
}
