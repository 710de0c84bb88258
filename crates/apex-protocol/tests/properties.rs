//! What holds for all messages, all ways to cut a stream of bytes, and all bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use apex_protocol::{
    Asked, ChunkForm, Conversation, DEFAULT_MAX_BODY, Decoder, Failure, HEADER, Hello, Kind, Message, Pack,
    ProtocolViolation, Speaker, TooLarge, Verdict,
};
use proptest::{collection::vec, prelude::*, sample::Index};

/// What messages are made of: which one, numbers, texts and bytes.
#[derive(Debug, Clone)]
struct Seed {
    which: Index,
    number: u64,
    numbers: (u64, u64, u32, u8),
    bits: (bool, bool, bool),
    texts: (String, String),
    bytes: (Vec<u8>, Vec<u8>),
    causes: Vec<String>,
}

impl Seed {
    fn any() -> impl Strategy<Value = Self> {
        let bytes = || prop_oneof![9 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 100_000..100_001)];
        let parts = (
            any::<Index>(),
            any::<u64>(),
            any::<(u64, u64, u32, u8)>(),
            any::<(bool, bool, bool)>(),
            ("\\PC{0,12}", "\\PC{0,12}"),
            (bytes(), bytes()),
            vec("\\PC{0,9}", 0..5),
        );
        parts.prop_map(|(which, number, numbers, bits, texts, bytes, causes)| Self {
            which,
            number,
            numbers,
            bits,
            texts,
            bytes,
            causes,
        })
    }

    fn failure(&self) -> Failure<'_> {
        let causes = self.causes.iter().map(String::as_str).collect();
        Failure { kind: self.numbers.2, message: &self.texts.0, details: &self.bytes.0, causes }
    }

    /// Every message that a side may send but `Chunks`, which is written in its own way.
    fn messages(&self, speaker: Speaker) -> Vec<Message<'_>> {
        let (first, second, small, tiny) = self.numbers;
        let (text, other, bytes, tail) = (&*self.texts.0, &*self.texts.1, &*self.bytes.0, &*self.bytes.1);
        let form = if self.bits.0 { ChunkForm::Json } else { ChunkForm::Bytes };
        match speaker {
            Speaker::Host => vec![
                Message::Hello(tail),
                Message::Start { entry_point: text, log_level: tiny, configuration: tail },
                Message::Call {
                    action: text,
                    is_stream: self.bits.0,
                    is_blocking: self.bits.1,
                    remaining_ms: self.bits.2.then_some(first),
                    context: bytes,
                    params: tail,
                },
                Message::Cancel,
                Message::Abort,
                Message::Credit { chunks: small },
                Message::State { record: self.bits.0.then_some((first, tail)) },
                Message::StateFailure(self.failure()),
                Message::Called(tail),
                Message::Resource(tail),
                Message::Migrate { from: text, state: tail },
                Message::Shutdown,
                Message::Ping,
            ],
            Speaker::Child => vec![
                Message::Hello(tail),
                Message::Answer(self.bits.0.then_some(tail)),
                Message::Failure(self.failure()),
                Message::Chunk { form, bytes: tail },
                Message::Progress {
                    percentage: self.bits.0.then_some(f64::from(small) / 7.0),
                    message: text,
                    details: tail,
                },
                Message::Log { level: tiny, target: text, message: other, fields: tail },
                Message::LoadState { call: first, scope: text },
                Message::ReadResource { call: first, path: text },
                Message::CallPlugin { call: first, plugin: text, action: text, params: tail },
                Message::SaveState { call: first, expected: second, scope: text, data: tail },
                Message::SlowPoll { micros: first },
            ],
        }
    }

    fn message(&self, speaker: Speaker) -> Message<'_> {
        self.which.get(&self.messages(speaker)).clone()
    }
}

/// Numbers, kinds and bodies of frames, and what was wrong after them.
type Decoded = (Vec<(u64, Kind, Vec<u8>)>, Option<ProtocolViolation>);

/// Decodes `bytes`, cut at these places, through `feed` or through `space`; gives what each frame is, and where it ended.
fn decode(bytes: &[u8], cuts: &[Index], in_place: bool, (speaker, max_body): (Speaker, u32)) -> Decoded {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let (mut decoder, mut frames) = (Decoder::new(speaker, max_body), Vec::new());
    for piece in places.windows(2) {
        let mut piece = &bytes[piece[0]..piece[1]];
        while !piece.is_empty() {
            let taken = if in_place {
                let space = decoder.space();
                let taken = space.len().min(piece.len());
                space[..taken].copy_from_slice(&piece[..taken]);
                decoder.filled(taken);
                taken
            } else {
                decoder.feed(piece);
                piece.len()
            };
            piece = &piece[taken..];
            loop {
                match decoder.next_frame() {
                    Ok(None) => break,
                    Ok(Some(frame)) => frames.push((frame.number(), frame.kind(), frame.body().to_vec())),
                    Err(violation) => {
                        assert_eq!(decoder.next_frame(), Err(violation.clone()), "a violation stays");
                        return (frames, Some(violation));
                    }
                }
            }
        }
    }
    (frames, None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_read_as_it_was_written_however_the_stream_is_cut(
        seeds in vec(Seed::any(), 1..8), cuts in vec(any::<Index>(), 0..20), is_host: bool, in_place: bool,
    ) {
        let speaker = if is_host { Speaker::Host } else { Speaker::Child };
        let mut bytes = Vec::new();
        for seed in &seeds {
            seed.message(speaker).write(&mut bytes, seed.number, DEFAULT_MAX_BODY).unwrap();
        }
        let (frames, violation) = decode(&bytes, &cuts, in_place, (speaker, DEFAULT_MAX_BODY));
        prop_assert_eq!(violation, None);
        prop_assert_eq!(frames.len(), seeds.len());
        let mut decoder = Decoder::new(speaker, DEFAULT_MAX_BODY);
        decoder.feed(&bytes);
        for (seed, (number, kind, body)) in seeds.iter().zip(frames) {
            let frame = decoder.next_frame().unwrap().unwrap();
            let message = frame.message().unwrap();
            prop_assert_eq!(&message, &seed.message(speaker));
            prop_assert_eq!((frame.number(), frame.kind(), frame.body()), (number, kind, &*body));
            prop_assert_eq!(number, seed.number);
        }
        prop_assert_eq!(decoder.waiting(), 0);
    }

    #[test]
    fn a_head_and_its_tail_are_the_whole_frame_and_what_is_too_large_leaves_no_trace(seed in Seed::any()) {
        for message in [Speaker::Host, Speaker::Child].iter().flat_map(|speaker| seed.messages(*speaker)) {
            let (mut whole, mut head) = (vec![1, 2, 3], vec![1, 2, 3]);
            message.write(&mut whole, seed.number, DEFAULT_MAX_BODY).unwrap();
            let tail = message.write_head(&mut head, seed.number, DEFAULT_MAX_BODY).unwrap();
            prop_assert_eq!(&whole, &[&*head, tail].concat());
            let length = whole.len() - 3 - HEADER;
            let mut out = vec![9];
            if let Some(limit) = length.checked_sub(1) {
                let refused = message.write(&mut out, 1, u32::try_from(limit).unwrap());
                prop_assert_eq!(refused, Err(TooLarge { length, limit }));
                prop_assert_eq!(&out, &[9]);
            }
            prop_assert!(message.write(&mut out, 1, u32::try_from(length).unwrap()).is_ok());
        }
    }

    #[test]
    fn packed_chunks_come_out_in_order(chunks in vec((any::<bool>(), vec(any::<u8>(), 0..50)), 0..50)) {
        let form = |is_json| if is_json { ChunkForm::Json } else { ChunkForm::Bytes };
        let mut out = vec![0; 3];
        let mut pack = Pack::begin(&mut out, 7, 1000);
        let fitting: Vec<_> = chunks.iter().filter(|(json, chunk)| pack.push(form(*json), chunk).is_ok()).collect();
        drop(pack);
        let mut decoder = Decoder::new(Speaker::Child, 1000);
        decoder.feed(&out[3..]);
        match decoder.next_frame().unwrap() {
            None => prop_assert!(fitting.is_empty() && out.len() == 3),
            Some(frame) => {
                let Message::Chunks(packed) = frame.message().unwrap() else { panic!("{frame:?}") };
                prop_assert_eq!((frame.number(), packed.count() as usize), (7, fitting.len()));
                for ((form_read, chunk), (json, expected)) in packed.iter().zip(fitting) {
                    prop_assert_eq!((form_read, chunk), (form(*json), &**expected));
                    let shared = frame.share(chunk);
                    prop_assert_eq!(&shared[..], chunk);
                    prop_assert!(chunk.is_empty() || shared.as_ptr() == chunk.as_ptr(), "copied");
                }
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_the_same_way_however_they_are_cut(
        seeds in vec(Seed::any(), 0..4), flips in vec((any::<Index>(), 1_u8..), 0..4), noise in vec(any::<u8>(), 0..60),
        cuts in vec(any::<Index>(), 0..20), in_place: bool,
    ) {
        let mut bytes = Vec::new();
        for seed in &seeds {
            seed.message(Speaker::Child).write(&mut bytes, seed.number, DEFAULT_MAX_BODY).unwrap();
        }
        bytes.extend(noise);
        for (place, flip) in flips {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] ^= flip;
            }
        }
        let at_once = decode(&bytes, &[], false, (Speaker::Child, 120_000));
        prop_assert_eq!(&decode(&bytes, &cuts, in_place, (Speaker::Child, 120_000)), &at_once);
        let mut decoder = Decoder::new(Speaker::Child, 120_000);
        decoder.feed(&bytes);
        while let Ok(Some(frame)) = decoder.next_frame() {
            // What can be read is written as the very same bytes: there is one way to say each thing.
            if let Ok(message) = frame.message() {
                let mut again = Vec::new();
                message.write(&mut again, frame.number(), DEFAULT_MAX_BODY).unwrap();
                prop_assert_eq!(&again[HEADER..], frame.body());
                if let Message::Hello(_) = message {
                    let _: Result<Hello, ProtocolViolation> = Hello::read(&message);
                }
            }
        }
    }

    #[test]
    fn the_judge_agrees_with_a_simple_model(steps in vec((0_u8..9, 0_u64..12, 0_u32..4), 0..120)) {
        #[derive(Clone, Copy, PartialEq)]
        enum Model { Single, Stream(u64), Over }
        let (mut conversation, mut model, mut last) = (Conversation::new(), HashMap::new(), 0);
        let chunk = Message::Chunk { form: ChunkForm::Json, bytes: b"1" };
        let progress = Message::Progress { percentage: None, message: "", details: b"" };
        for (step, number, chunks) in steps {
            let now = model.get(&number).copied();
            let (message, fits) = match step {
                0 | 1 => {
                    last += 1;
                    let asked = if step == 0 { Asked::Result } else { Asked::Stream };
                    prop_assert_eq!(conversation.ask(asked), Some(last));
                    model.insert(last, if step == 0 { Model::Single } else { Model::Stream(0) });
                    continue;
                }
                2 | 3 => {
                    conversation.grant(number, chunks);
                    if let Some(Model::Stream(credit)) = now {
                        model.insert(number, Model::Stream(credit + u64::from(chunks)));
                    }
                    continue;
                }
                4 => (Message::Answer(Some(b"1")), now == Some(Model::Single)),
                5 => (Message::Answer(None), matches!(now, Some(Model::Stream(_)))),
                6 => (
                    Message::Failure(Failure::default()),
                    matches!(now, Some(Model::Single | Model::Stream(_))),
                ),
                7 => (chunk.clone(), matches!(now, Some(Model::Stream(1..)))),
                _ => (progress.clone(), now.is_some()),
            };
            let judged = conversation.judge(number, &message);
            prop_assert_eq!(judged.is_ok(), fits, "{:?} of {}: {:?}", &message, number, &judged);
            if step == 8 && fits {
                prop_assert_eq!(judged == Ok(Verdict::Late), now == Some(Model::Over));
            }
            match now {
                Some(Model::Stream(credit)) if fits && step == 7 => {
                    model.insert(number, Model::Stream(credit - 1));
                }
                _ if fits && step < 7 => {
                    model.insert(number, Model::Over);
                }
                _ => {}
            }
            let open = model.values().filter(|state| **state != Model::Over).count();
            prop_assert_eq!(conversation.open_count(), open);
        }
    }
}

/// A child's frame with this header and body.
fn raw(length: u32, kind: u8, flags: u8, reserved: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend([kind, flags]);
    frame.extend(reserved.to_le_bytes());
    frame.extend(1_u64.to_le_bytes());
    frame.extend(body);
    frame
}

#[test]
fn each_broken_rule_of_a_frame_has_its_name() {
    let read = |bytes: &[u8]| {
        let mut decoder = Decoder::new(Speaker::Child, 100);
        decoder.feed(bytes);
        let frame = decoder.next_frame()?.unwrap();
        frame.message().map(|message| message.kind())
    };
    assert_eq!(read(&raw(1, 129, 1, 0, b"1")), Ok(Kind::Answer));
    assert_eq!(read(&raw(101, 129, 1, 0, b"")), Err(ProtocolViolation::Oversized { length: 101, limit: 100 }));
    assert_eq!(read(&raw(0, 0, 0, 0, b"")), Err(ProtocolViolation::UnknownKind { kind: 0 }));
    assert_eq!(read(&raw(0, 3, 0, 0, b"")), Err(ProtocolViolation::WrongSpeaker { kind: Kind::Call }));
    let undefined = |flags| Err(ProtocolViolation::UndefinedFlags { kind: Kind::Answer, flags });
    assert_eq!(read(&raw(0, 129, 2, 0, b"")), undefined(2));
    assert_eq!(read(&raw(0, 129, 0, 256, b"")), undefined(0));
    assert_eq!(read(&raw(1, 129, 0, 0, b"1")), Err(ProtocolViolation::TooLong { kind: Kind::Answer }));
    assert_eq!(read(&raw(7, 137, 0, 0, &[0; 7])), Err(ProtocolViolation::Cut { kind: Kind::SlowPoll }));
    let text = [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0xFF];
    assert_eq!(read(&raw(13, 135, 0, 0, &text)), Err(ProtocolViolation::NotUtf8 { kind: Kind::LoadState }));
    let none = ProtocolViolation::WrongValue { kind: Kind::Chunks, field: "number of chunks" };
    assert_eq!(read(&raw(0, 132, 0, 0, b"")), Err(none));
    let form = ProtocolViolation::WrongValue { kind: Kind::Chunks, field: "form of a chunk" };
    assert_eq!(read(&raw(5, 132, 0, 0, &[2, 0, 0, 0, 0])), Err(form));
    let mut many = [0; 14];
    many[12] = 65;
    let causes = ProtocolViolation::WrongValue { kind: Kind::Failure, field: "count of causes" };
    assert_eq!(read(&raw(14, 130, 0, 0, &many)), Err(causes));
}

#[test]
fn an_announced_length_alone_takes_little_memory() {
    let mut decoder = Decoder::new(Speaker::Child, u32::MAX);
    decoder.feed(&raw(u32::MAX, 131, 0, 0, b""));
    assert!(decoder.space().len() <= 1 << 20);
    assert_eq!(decoder.next_frame(), Ok(None));
}

#[test]
fn a_handshake_takes_the_highest_common_version_and_the_common_features() {
    let hello = |lowest, highest, max_body, features: &[&str]| {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        Hello { lowest, highest, max_body, features }
    };
    let (ours, theirs) = (hello(1, 3, 10, &["a", "b"]), hello(2, 9, 20, &["b", "c"]));
    let mut frame = Vec::new();
    theirs.write(&mut frame).unwrap();
    let read = Hello::read(&Message::Hello(&frame[HEADER..])).unwrap();
    assert_eq!(read, theirs);
    let agreement = ours.agree(&read).unwrap();
    assert_eq!((agreement.version, agreement.send_max, agreement.receive_max), (3, 20, 10));
    assert_eq!(agreement.features, ["b"]);
    assert_eq!(hello(1, 1, 0, &[]).agree(&theirs).unwrap_err().code(), "ProtocolViolation");
    // Fields of later releases are not read.
    let longer = [&frame[HEADER..], b"later"].concat();
    assert_eq!(Hello::read(&Message::Hello(&longer)), Ok(theirs));
    assert_eq!(Hello::read(&Message::Hello(b"HTTP/1.1 200")), Err(ProtocolViolation::NoMagic));
    assert_eq!(Hello::read(&Message::Answer(None)), Err(ProtocolViolation::Handshake { kind: Kind::Answer }));
    let turned = [&b"APXP"[..], &[2, 0, 1, 0, 0, 0, 0, 0, 0, 0]].concat();
    assert!(Hello::read(&Message::Hello(&turned)).is_err());
    assert!(hello(1, 1, 1, &["x"; 65]).write(&mut Vec::new()).is_err());
}
