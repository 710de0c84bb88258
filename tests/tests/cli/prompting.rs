//! A passphrase that is asked for in a terminal, and never shown in it.
//!
//! The terminal is a pseudoterminal of the test's; `setsid` of util-linux makes it the controlling terminal of `apex`, and
//! without that program the tests say so and pass.
#![expect(clippy::print_stderr, reason = "what is not tested is said")]

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use apex_plugins::trust::{KeyError, Passphrase, SigningKey};
use apex_plugins_tests::workspace_root;
use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::house::{House, Proof};

/// Nothing takes that long; only what hangs does.
const LIMIT: Duration = Duration::from_secs(60);

const WORDS: &str = "correct horse battery staple";

/// `apex` in a terminal of its own.
struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What has been written to it so far.
    shown: String,
}

impl Terminal {
    fn start(house: &House, arguments: &[&str]) -> Option<Self> {
        let is_there = Command::new("setsid").arg("--version").stdout(Stdio::null()).status();
        if !is_there.is_ok_and(|status| status.success()) {
            eprintln!("there is no setsid (util-linux): that passphrases are asked for is not tested");
            return None;
        }
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).and_then(|()| unlockpt(&ours)).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(apex_plugins_tests::apex()).args(arguments);
        command.env_clear().env("HOME", house.path("home")).env("PATH", "/usr/bin:/bin").current_dir(house.path(""));
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let keyboard = File::from(ours);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            // An error is the end: nobody has the other side open any more.
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Self { child, keyboard, screen: receiver, shown: String::new() })
    }

    /// Waits until the terminal shows a text and shows no longer what is typed, then types a line.
    fn answer(&mut self, prompt: &str, line: &str) {
        let end = Instant::now() + LIMIT;
        while !self.shown.contains(prompt) {
            let more = self.screen.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no {prompt:?} in {:?}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
        while tcgetattr(&self.keyboard).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(Instant::now() < end, "what is typed would be shown");
            thread::sleep(Duration::from_millis(2));
        }
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for the end; gives the status and all that was shown.
    fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        while let Ok(more) = self.screen.recv_timeout(Duration::from_millis(200)) {
            self.shown.push_str(&String::from_utf8_lossy(&more));
        }
        (status, std::mem::take(&mut self.shown))
    }
}

#[test]
fn a_passphrase_is_asked_for_in_the_terminal_and_not_shown() {
    let house = House::new();
    let Some(mut terminal) = Terminal::start(&house, &["keys", "generate", "new.pem", "--passphrase"]) else { return };
    terminal.answer("Passphrase for new.pem: ", WORDS);
    terminal.answer("The same again: ", WORDS);
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
    let key = house.path("new.pem");
    assert_eq!(SigningKey::read_pem(&key).unwrap_err().code(), "EncryptedKey");
    SigningKey::read_pem_with::<KeyError>(&key, || Passphrase::new(WORDS.to_owned())).unwrap();
}

#[test]
fn only_the_right_passphrase_signs_and_none_is_shown() {
    let house = House::new();
    // One that takes no time to open.
    let key = fs::read(workspace_root().join("fuzz/seeds/private_key/scrypt.pem")).unwrap();
    let file = File::options().write(true).create_new(true).mode(0o600).open(house.path("key.pem"));
    file.unwrap().write_all(&key).unwrap();
    let plugin = house.plant("signed", Proof::Checksum, |_| ());
    let sign = ["sign", plugin.to_str().unwrap(), "--key", "key.pem"];
    let Some(mut terminal) = Terminal::start(&house, &sign) else { return };
    terminal.answer("Passphrase of key.pem: ", "open says me");
    let (status, shown) = terminal.end();
    assert!(!status.success() && shown.contains("the passphrase does not open key.pem"), "{shown}");
    let mut terminal = Terminal::start(&house, &sign).unwrap();
    terminal.answer("Passphrase of key.pem: ", "open sesame");
    let (status, shown) = terminal.end();
    assert!(status.success() && !shown.contains("sesame"), "{shown}");
}

#[test]
fn two_passphrases_that_differ_make_no_key() {
    let house = House::new();
    let Some(mut terminal) = Terminal::start(&house, &["keys", "generate", "new.pem", "--passphrase"]) else { return };
    terminal.answer("Passphrase for new.pem: ", WORDS);
    terminal.answer("The same again: ", "correct horse battery stapler");
    let (status, shown) = terminal.end();
    assert!(!status.success() && shown.contains("not the same"), "{shown}");
    assert!(!house.path("new.pem").exists());
}
