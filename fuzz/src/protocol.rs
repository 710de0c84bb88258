//! The protocol between a host and a child process.

use apex_protocol::{Asked, Conversation, Decoder, Frame, Hello, Message, ProtocolViolation, Speaker};

/// The longest body: small, so that inputs reach it.
const MAX_BODY: u32 = 4096;

/// The first byte says who speaks and, in its other bits, how the rest is cut into pieces; the rest is a stream of bytes.
///
/// However the bytes are cut, the same frames come out and the same violation ends them; a message that can be read is
/// read back as the same from what it is written as; a child that speaks opens nothing that the host did not ask for.
pub fn protocol(bytes: &[u8]) {
    let Some((how, stream)) = bytes.split_first() else { return };
    let speaker = if how % 2 == 0 { Speaker::Child } else { Speaker::Host };
    let pieces = decode(speaker, stream.chunks(usize::from(how / 2) + 1));
    let whole = decode(speaker, std::iter::once(stream));
    assert_eq!(whole, pieces, "the same bytes, cut in another way");

    let mut conversation = Conversation::new();
    for asked in [Asked::Start, Asked::Result, Asked::Stream, Asked::Migrate, Asked::Ping] {
        let number = conversation.ask(asked).expect("numbers are left");
        conversation.grant(number, 3);
    }
    let mut open = conversation.open_count();
    for frame in &whole.frames {
        let Ok(message) = frame.message() else { continue };
        survives(speaker, frame, &message);
        if speaker == Speaker::Child {
            let judged = conversation.judge(frame.number(), &message);
            assert!(conversation.open_count() <= open, "a child opened something: {message:?}");
            open = conversation.open_count();
            if judged.is_err() {
                break;
            }
        }
    }
}

/// What came of a stream: frames, and then a violation or bytes that wait for more.
#[derive(Debug, PartialEq)]
struct Decoded {
    frames: Vec<Frame>,
    end: Result<usize, String>,
}

fn decode<'s>(speaker: Speaker, pieces: impl Iterator<Item = &'s [u8]>) -> Decoded {
    let mut decoder = Decoder::new(speaker, MAX_BODY);
    let mut frames = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(violation) => {
                    let text = |violation: &ProtocolViolation| format!("{violation:?}");
                    let again = decoder.next_frame().expect_err("a violation is the end");
                    assert_eq!(text(&again), text(&violation));
                    return Decoded { frames, end: Err(text(&violation)) };
                }
            }
        }
    }
    Decoded { frames, end: Ok(decoder.waiting()) }
}

fn survives(speaker: Speaker, frame: &Frame, message: &Message<'_>) {
    let mut written = Vec::new();
    message.write(&mut written, frame.number(), MAX_BODY).expect("read, but too large to be written");
    let again = decode(speaker, std::iter::once(&written[..]));
    assert_eq!(again.end, Ok(0), "{message:?}");
    let [again] = &again.frames[..] else { panic!("one message, {} frames", again.frames.len()) };
    assert_eq!((again.kind(), again.number()), (frame.kind(), frame.number()));
    // As text: a percentage may be something that equals nothing.
    assert_eq!(format!("{:?}", again.message().unwrap()), format!("{message:?}"), "written and read again");
    if let Ok(hello) = Hello::read(message) {
        let mut written = Vec::new();
        hello.write(&mut written).expect("read, but too large to be written");
        let again = decode(speaker, std::iter::once(&written[..]));
        let again = Hello::read(&again.frames[0].message().unwrap()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{hello:?}"));
    }
}
