//! Kinds of frames.

/// A side of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// The program that uses plugins.
    Host,
    /// The process that runs one.
    Child,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $number:literal, flags $flags:literal;)*) => {
        /// The kind of a frame.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, by number.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The number in the frame's header; never reused.
            pub const fn number(self) -> u8 {
                match self { $(Self::$kind => $number,)* }
            }

            /// The kind of a number, if there is one.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$kind),)* _ => None }
            }

            /// The flags that frames of this kind may have.
            pub(crate) const fn flags(self) -> u8 {
                match self { $(Self::$kind => $flags,)* }
            }
        }
    };
}

kinds! {
    /// Both: the handshake.
    Hello = 1, flags 0;
    /// Host: load and initialize the plugin.
    Start = 2, flags 0;
    /// Host: run an action.
    Call = 3, flags 7;
    /// Host: the caller gave up; the action may end in an orderly way.
    Cancel = 4, flags 0;
    /// Host: nobody waits for the call any more; drop it.
    Abort = 5, flags 0;
    /// Host: so many chunks more are wanted.
    Credit = 6, flags 0;
    /// Host: the answer to a question about state.
    State = 7, flags 1;
    /// Host: the failure of a question, whatever it was about.
    StateFailure = 8, flags 0;
    /// Host: bring the state of another version into form.
    Migrate = 9, flags 0;
    /// Host: let the plugin end, then end.
    Shutdown = 10, flags 0;
    /// Host: answer this.
    Ping = 11, flags 0;
    /// Host: the result of a call of another plugin.
    Called = 12, flags 0;
    /// Host: the bytes of a file of the plugin's own.
    Resource = 13, flags 0;
    /// Child: what was asked is done.
    Answer = 129, flags 1;
    /// Child: what was asked has failed.
    Failure = 130, flags 0;
    /// Child: a chunk of a stream.
    Chunk = 131, flags 1;
    /// Child: several chunks of a stream.
    Chunks = 132, flags 0;
    /// Child: how far a call is.
    Progress = 133, flags 1;
    /// Child: a line of the log.
    Log = 134, flags 0;
    /// Child: load a state.
    LoadState = 135, flags 0;
    /// Child: save a state.
    SaveState = 136, flags 0;
    /// Child: a poll of a call held its thread too long.
    SlowPoll = 137, flags 0;
    /// Child: call an action of another plugin.
    CallPlugin = 138, flags 0;
    /// Child: read a file of the plugin's own.
    ReadResource = 139, flags 0;
}

impl Kind {
    /// Whether this side may send it.
    pub const fn is_said_by(self, speaker: Speaker) -> bool {
        match self {
            Self::Hello => true,
            _ => matches!(speaker, Speaker::Child) == (self.number() >= 128),
        }
    }
}
