//! `docs/host_protocol.md` says what the code does.
#![allow(clippy::unwrap_used, reason = "tests")]

use apex_meta::ErrorKind;
use apex_protocol::{Asked, ChunkForm, Conversation, DEFAULT_MAX_BODY, Decoder, HEADER, Hello, Kind, Message, Speaker};

const DOCUMENT: &str = include_str!("../../../docs/host_protocol.md");

/// The frames of the example: who says it, and its bytes.
fn example() -> Vec<(Speaker, Vec<u8>)> {
    let (_, block) = DOCUMENT.split_once("```hex\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let frames = block.trim().split("\n\n").map(|frame| {
        let speaker = if frame.starts_with("; host") { Speaker::Host } else { Speaker::Child };
        let digits = frame.lines().flat_map(|line| line.split(';').next().unwrap().split_whitespace());
        (speaker, digits.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect())
    });
    frames.collect()
}

#[test]
fn the_example_is_what_it_says_and_keeps_the_rules() {
    let packed = |message: &Message<'_>| match message {
        Message::Chunks(chunks) => chunks.iter().map(|(form, chunk)| (form, chunk.to_vec())).collect(),
        _ => Vec::new(),
    };
    let mut conversation = Conversation::new();
    let mut said = Vec::new();
    for (speaker, bytes) in example() {
        let mut decoder = Decoder::new(speaker, DEFAULT_MAX_BODY);
        decoder.feed(&bytes);
        let frame = decoder.next_frame().unwrap().unwrap();
        assert_eq!(decoder.waiting(), 0, "one frame a block");
        let (number, message) = (frame.number(), frame.message().unwrap());
        let mut again = Vec::new();
        message.write(&mut again, number, DEFAULT_MAX_BODY).unwrap();
        assert_eq!(again, bytes);
        let ask = match &message {
            Message::Hello(_) => {
                assert_eq!(Hello::read(&message), Ok(Hello::new(DEFAULT_MAX_BODY)));
                None
            }
            Message::Start { entry_point: "greeter::Greeter", log_level: 3, configuration: b"{}" } => {
                Some(Asked::Start)
            }
            Message::Call {
                action: "greet",
                is_stream: true,
                is_blocking: false,
                remaining_ms: Some(5000),
                context: b"{}",
                params: br#"{"who":"Ada"}"#,
            } => Some(Asked::Stream),
            Message::Shutdown => Some(Asked::Shutdown),
            Message::Credit { chunks: 2 } => {
                conversation.grant(number, 2);
                None
            }
            Message::State { record: Some((4, br#"{"n":1}"#)) } => {
                assert!(conversation.answer_question(number));
                None
            }
            Message::Progress { percentage, message: "half", details: b"" } => {
                assert_eq!(*percentage, Some(50.0));
                None
            }
            Message::LoadState { call: 2, scope: "user" } | Message::Answer(None) => None,
            Message::Chunks(_) => {
                let chunks = [(ChunkForm::Json, b"\"Hello\"".to_vec()), (ChunkForm::Bytes, vec![0xFF, 0xFE])];
                assert_eq!(packed(&message), chunks);
                None
            }
            other => panic!("not in the example: {other:?}"),
        };
        if let Some(asked) = ask {
            assert_eq!(conversation.ask(asked), Some(number));
        } else if speaker == Speaker::Child && message.kind() != Kind::Hello {
            conversation.judge(number, &message).unwrap();
        }
        said.push(frame.kind());
        assert_eq!(frame.body().len(), bytes.len() - HEADER);
    }
    assert_eq!((said.len(), conversation.open_count(), conversation.question_count()), (13, 0, 0));
}

#[test]
fn the_tables_name_every_kind_of_frame_and_of_error() {
    for kind in Kind::ALL {
        let row = format!("| {} | `{kind:?}` | ", kind.number());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
    for kind in ErrorKind::ALL {
        let row = format!("| {} | `{kind}` | ", kind.number());
        assert!(DOCUMENT.contains(&row), "{row}");
    }
}
