//! Command lines that cannot be understood, and the help that was asked for.

use std::{env, error::Error as _, ffi::OsString};

use apex_plugins::InvalidSpec;
use clap::error::{ContextKind, ErrorKind};

use crate::{arguments::Options, exit::Exit, failure::Failure, stderr::Stderr};

/// Shows help, version or what is wrong with the command line, and says how to end.
pub(crate) fn report(error: &clap::Error) -> Exit {
    let asked_for_help = !error.use_stderr();
    if asked_for_help || !wants_json() {
        // There is nowhere left to report that this failed.
        let _ = error.print();
        return if asked_for_help { Exit::Done } else { Exit::Usage };
    }
    Stderr::new(true).failure(&failure(error));
    Exit::Usage
}

/// Refuses roots on both sides of the command: the parser would keep the later ones alone.
pub(crate) fn check_roots(given: impl Iterator<Item = OsString>, options: &Options) -> Result<(), Failure> {
    let given: Vec<_> = given.skip(1).take_while(|argument| argument != "--").collect();
    for (name, taken) in [("--root", options.root.len()), ("--dev-root", options.dev_root.len())] {
        let is_meant = |argument: &&OsString| {
            let argument = argument.as_encoded_bytes();
            argument.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
        };
        if given.iter().filter(is_meant).count() != taken {
            let message = format!("{name} stands both before and after the command");
            return Err(Failure::usage(message).hint(format!("put every {name} on one side of it")));
        }
    }
    Ok(())
}

/// Whether `--json` stands on the command line that could not be parsed.
fn wants_json() -> bool {
    env::args_os().skip(1).take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

fn failure(error: &clap::Error) -> Failure {
    let code =
        error.source().and_then(|source| source.downcast_ref::<InvalidSpec>()).map_or("Usage", InvalidSpec::code);
    let rendered = error.render().to_string();
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing".to_owned(),
        _ => {
            let paragraph = rendered.split("\n\n").next().unwrap_or_default();
            let text = paragraph.strip_prefix("error: ").unwrap_or(paragraph);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    };
    let hint = match error.get(ContextKind::Usage) {
        Some(usage) => usage.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" "),
        None => "`apex help` shows the commands and options".to_owned(),
    };
    Failure::new(code, message).hint(hint).exit_with(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_has_a_code_a_message_and_a_hint() {
        for (arguments, code, message) in [
            (&["apex", "lsit"][..], "Usage", "lsit"),
            (&["apex", "run", "com.acme.x"], "Usage", "ACTION"),
            (&["apex", "run", "../x", "greet"], "InvalidId", "../x"),
            (&["apex", "why", "com.acme.x@>>1"], "InvalidSpecifier", ">>1"),
            (&["apex", "run", "com.acme.x", "greet", "--timeout", "5"], "Usage", "5s, 250ms"),
            (&["apex", "-q", "-v", "list"], "Usage", "quiet"),
        ] {
            let error = Arguments::try_parse_from(arguments).unwrap_err();
            let failure = failure(&error);
            let json = failure.to_json();
            assert_eq!(json["error"]["code"], code, "{json}");
            assert!(json["error"]["message"].as_str().unwrap().contains(message), "{json}");
            assert_eq!(failure.exit(), Exit::Usage);
        }
    }

    #[test]
    fn roots_on_both_sides_of_the_command_are_refused_rather_than_lost() {
        for (arguments, is_right) in [
            (&["apex", "--root", "a", "--root=b", "list"][..], true),
            (&["apex", "list", "--root", "a", "--root", "b"], true),
            (&["apex", "--root", "a", "list", "--dev-root", "b"], true),
            (&["apex", "--root", "a", "list", "--root", "b"], false),
            (&["apex", "--dev-root=a", "list", "--dev-root=b"], false),
        ] {
            let parsed = Arguments::try_parse_from(arguments).unwrap();
            let checked = check_roots(arguments.iter().map(OsString::from), &parsed.options);
            assert_eq!(checked.is_ok(), is_right, "{arguments:?}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut commands = vec![Arguments::command()];
        while let Some(command) = commands.pop() {
            let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
            if subcommands.is_empty() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("apex "), "`{}` shows no example", command.get_name());
            }
            commands.extend(subcommands);
        }
    }
}
