//! What a child may say when: the host's judgement of every frame.

use std::collections::{HashMap, HashSet};

use crate::{Kind, Message, ProtocolViolation};

/// How many questions a child may have open at once: about state, to other plugins, for its files.
pub const MAX_QUESTIONS: usize = 1024;

/// What the host asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asked {
    /// To load and initialize the plugin.
    Start,
    /// A call with one result.
    Result,
    /// A call with chunks and an end.
    Stream,
    /// To migrate a state.
    Migrate,
    /// To end.
    Shutdown,
    /// To answer at all.
    Ping,
}

impl Asked {
    const fn is_call(self) -> bool {
        matches!(self, Self::Result | Self::Stream)
    }

    /// Whether it may be answered with a value, or without one.
    const fn takes(self, has_value: bool) -> bool {
        match self {
            Self::Result => has_value,
            Self::Migrate => true,
            Self::Start | Self::Stream | Self::Shutdown | Self::Ping => !has_value,
        }
    }
}

/// What is to be done with a frame that keeps the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Deliver,
    /// It is about a call that was answered, and was under way on another thread then. Progress and slow polls are
    /// dropped, a line of the log counts without its call, and a question gets an error for its answer.
    Late,
}

/// Judges what a child says, after the handshake: numbers, order, credit, and exactly one answer to everything asked.
///
/// That the caller of a call gave up changes nothing here: until its answer it may say all that it might have said.
#[derive(Debug, Default)]
pub struct Conversation {
    last: u64,
    open: HashMap<u64, Open>,
    last_question: u64,
    questions: HashSet<u64>,
}

#[derive(Debug)]
struct Open {
    asked: Asked,
    credit: u64,
}

impl Conversation {
    /// A conversation in which nothing was said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens something that is asked; gives its number: 1, 2 and so on, none twice.
    ///
    /// Nothing is given once the numbers are used up, after some hundred thousand years.
    pub fn ask(&mut self, asked: Asked) -> Option<u64> {
        self.last = self.last.checked_add(1)?;
        self.open.insert(self.last, Open { asked, credit: 0 });
        Some(self.last)
    }

    /// Adds to how many chunks may come; does nothing for what is no open stream.
    pub fn grant(&mut self, number: u64, chunks: u32) {
        if let Some(open) = self.open.get_mut(&number) {
            open.credit = open.credit.saturating_add(u64::from(chunks));
        }
    }

    /// Notes that the host answers a question; says whether it was open.
    pub fn answer_question(&mut self, number: u64) -> bool {
        self.questions.remove(&number)
    }

    /// Whether an answer is still to come.
    pub fn is_open(&self, number: u64) -> bool {
        self.open.contains_key(&number)
    }

    /// How many answers are still to come.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many questions the host has not answered.
    pub fn question_count(&self) -> usize {
        self.questions.len()
    }

    /// Judges a message of the child about that number.
    ///
    /// # Errors
    /// It breaks a rule; the conversation is to be broken off.
    pub fn judge(&mut self, number: u64, message: &Message<'_>) -> Result<Verdict, ProtocolViolation> {
        let kind = message.kind();
        match message {
            Message::Answer(value) => self.end(kind, number, Some(value.is_some())),
            Message::Failure(_) => self.end(kind, number, None),
            Message::Chunk { .. } => self.spend(kind, number, 1),
            Message::Chunks(chunks) => self.spend(kind, number, chunks.count()),
            Message::Progress { .. } | Message::SlowPoll { .. } => self.about_call(kind, number),
            Message::Log { .. } if number == 0 => Ok(Verdict::Deliver),
            // The plugin may also log while it starts, migrates and ends.
            Message::Log { .. } => match self.find(kind, number) {
                Ok(_) => Ok(Verdict::Deliver),
                Err(violation) => late(violation),
            },
            Message::LoadState { call, .. }
            | Message::SaveState { call, .. }
            | Message::CallPlugin { call, .. }
            | Message::ReadResource { call, .. } => self.question(kind, number, *call),
            Message::Hello(_) => Err(ProtocolViolation::Handshake { kind }),
            _ => Err(ProtocolViolation::WrongSpeaker { kind }),
        }
    }

    fn find(&mut self, kind: Kind, number: u64) -> Result<&mut Open, ProtocolViolation> {
        if number == 0 || number > self.last {
            return Err(ProtocolViolation::NeverAsked { kind, number });
        }
        self.open.get_mut(&number).ok_or(ProtocolViolation::AfterAnswer { kind, number })
    }

    /// The end of something asked: with a value, without, or with a failure (none).
    fn end(&mut self, kind: Kind, number: u64, has_value: Option<bool>) -> Result<Verdict, ProtocolViolation> {
        let asked = self.find(kind, number)?.asked;
        if has_value.is_some_and(|has_value| !asked.takes(has_value)) {
            return Err(ProtocolViolation::WrongAnswer { kind, number });
        }
        self.open.remove(&number);
        Ok(Verdict::Deliver)
    }

    fn spend(&mut self, kind: Kind, number: u64, chunks: u32) -> Result<Verdict, ProtocolViolation> {
        let open = self.find(kind, number)?;
        if open.asked != Asked::Stream {
            return Err(ProtocolViolation::WrongAnswer { kind, number });
        }
        open.credit = open.credit.checked_sub(u64::from(chunks)).ok_or(ProtocolViolation::NoCredit { number })?;
        Ok(Verdict::Deliver)
    }

    fn about_call(&mut self, kind: Kind, number: u64) -> Result<Verdict, ProtocolViolation> {
        match self.find(kind, number) {
            Ok(open) if open.asked.is_call() => Ok(Verdict::Deliver),
            Ok(_) => Err(ProtocolViolation::WrongAnswer { kind, number }),
            Err(violation) => late(violation),
        }
    }

    fn question(&mut self, kind: Kind, number: u64, call: u64) -> Result<Verdict, ProtocolViolation> {
        if number <= self.last_question {
            return Err(ProtocolViolation::QuestionOutOfOrder { number, last: self.last_question });
        }
        let verdict = if call == 0 { Ok(Verdict::Deliver) } else { self.about_call(kind, call) }?;
        if self.questions.len() >= MAX_QUESTIONS {
            return Err(ProtocolViolation::TooManyQuestions { limit: MAX_QUESTIONS });
        }
        self.last_question = number;
        self.questions.insert(number);
        Ok(verdict)
    }
}

/// What several threads of a plugin may say at the very end, and so a little after it.
fn late(violation: ProtocolViolation) -> Result<Verdict, ProtocolViolation> {
    match violation {
        ProtocolViolation::AfterAnswer { .. } => Ok(Verdict::Late),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{ChunkForm, Failure};

    const CHUNK: Message<'_> = Message::Chunk { form: ChunkForm::Bytes, bytes: b"x" };
    const PROGRESS: Message<'_> = Message::Progress { percentage: None, message: "", details: b"" };
    const VALUE: Message<'_> = Message::Answer(Some(b"1"));
    const END: Message<'_> = Message::Answer(None);

    #[test]
    fn everything_asked_is_answered_exactly_once() {
        let mut conversation = Conversation::new();
        let (a, b) = (conversation.ask(Asked::Result).unwrap(), conversation.ask(Asked::Result).unwrap());
        assert_eq!(conversation.judge(b, &VALUE), Ok(Verdict::Deliver));
        assert_eq!(
            conversation.judge(b, &Message::Failure(Failure::default())),
            Err(ProtocolViolation::AfterAnswer { kind: Kind::Failure, number: b })
        );
        assert_eq!(conversation.judge(a, &Message::Failure(Failure::default())), Ok(Verdict::Deliver));
        assert_eq!(conversation.open_count(), 0);
        for never in [0, 3, u64::MAX] {
            let violation = ProtocolViolation::NeverAsked { kind: Kind::Answer, number: never };
            assert_eq!(conversation.judge(never, &VALUE), Err(violation));
        }
    }

    #[test]
    fn an_answer_has_the_form_that_was_asked_for() {
        let check = |asked, message: &Message<'_>, fits| {
            let mut conversation = Conversation::new();
            let number = conversation.ask(asked).unwrap();
            conversation.grant(number, 1);
            assert_eq!(conversation.judge(number, message).is_ok(), fits, "{asked:?} {message:?}");
        };
        for (asked, value, end, chunk, progress) in [
            (Asked::Start, false, true, false, false),
            (Asked::Result, true, false, false, true),
            (Asked::Stream, false, true, true, true),
            (Asked::Migrate, true, true, false, false),
            (Asked::Shutdown, false, true, false, false),
            (Asked::Ping, false, true, false, false),
        ] {
            check(asked, &VALUE, value);
            check(asked, &END, end);
            check(asked, &CHUNK, chunk);
            check(asked, &PROGRESS, progress);
            check(asked, &Message::Failure(Failure::default()), true);
        }
    }

    #[test]
    fn chunks_use_up_credit() {
        let mut conversation = Conversation::new();
        let number = conversation.ask(Asked::Stream).unwrap();
        assert_eq!(conversation.judge(number, &CHUNK), Err(ProtocolViolation::NoCredit { number }));
        conversation.grant(number, 2);
        assert_eq!(conversation.judge(number, &CHUNK), Ok(Verdict::Deliver));
        assert_eq!(conversation.judge(number, &CHUNK), Ok(Verdict::Deliver));
        assert_eq!(conversation.judge(number, &CHUNK), Err(ProtocolViolation::NoCredit { number }));
    }

    #[test]
    fn what_other_threads_say_at_the_end_is_late_and_not_wrong() {
        let mut conversation = Conversation::new();
        let number = conversation.ask(Asked::Result).unwrap();
        conversation.judge(number, &VALUE).unwrap();
        assert_eq!(conversation.judge(number, &PROGRESS), Ok(Verdict::Late));
        let line = Message::Log { level: 3, target: "", message: "m", fields: b"" };
        assert_eq!(conversation.judge(number, &line), Ok(Verdict::Late));
        assert_eq!(conversation.judge(0, &line), Ok(Verdict::Deliver));
        assert_eq!(conversation.judge(1, &Message::LoadState { call: number, scope: "user" }), Ok(Verdict::Late));
        assert!(conversation.judge(number + 1, &PROGRESS).is_err());
        assert!(conversation.judge(number + 1, &line).is_err());
    }

    #[test]
    fn questions_count_up_and_are_few() {
        let mut conversation = Conversation::new();
        let question = Message::LoadState { call: 0, scope: "global" };
        for number in 1..=MAX_QUESTIONS as u64 {
            assert_eq!(conversation.judge(number, &question), Ok(Verdict::Deliver));
        }
        let next = MAX_QUESTIONS as u64 + 1;
        let too_many = ProtocolViolation::TooManyQuestions { limit: MAX_QUESTIONS };
        assert_eq!(conversation.judge(next, &question), Err(too_many));
        assert!(conversation.answer_question(7));
        assert!(!conversation.answer_question(7));
        assert_eq!(conversation.judge(next, &question), Ok(Verdict::Deliver));
        let again = ProtocolViolation::QuestionOutOfOrder { number: 7, last: next };
        assert_eq!(conversation.judge(7, &question), Err(again));
    }

    #[test]
    fn a_child_may_not_speak_as_the_host() {
        let mut conversation = Conversation::new();
        let number = conversation.ask(Asked::Result).unwrap();
        for message in [Message::Cancel, Message::Ping, Message::Shutdown, Message::Credit { chunks: 1 }] {
            let kind = message.kind();
            assert_eq!(conversation.judge(number, &message), Err(ProtocolViolation::WrongSpeaker { kind }));
        }
        let hello = ProtocolViolation::Handshake { kind: Kind::Hello };
        assert_eq!(conversation.judge(0, &Message::Hello(b"")), Err(hello));
    }
}
