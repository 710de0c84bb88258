//! Ends of the whole process: in a child, one error of the call; in the host's own process, the end of the host.
//!
//! None of these can be contained where they happen, which is why plugins that are not trusted run in a child.

use apex_plugin_sdk::{Chunk, Chunks, Reply, Result, futures::stream, reply};

use crate::panics::Grenade;

pub(crate) fn abort() -> ! {
    std::process::abort()
}

pub(crate) fn exit(code: i32) -> ! {
    std::process::exit(code)
}

/// Writes where nothing is mapped: SIGSEGV.
pub(crate) fn segfault() -> ! {
    // Not null, which a checked build would catch before the processor does.
    let nowhere = std::ptr::without_provenance_mut::<u8>(8);
    // SAFETY: none; the fault is the point, and the kernel ends the process.
    #[expect(unsafe_code, reason = "a plugin that breaks memory safety is what hosts must survive")]
    unsafe {
        nowhere.write_volatile(1);
    }
    std::process::abort()
}

/// Panics while a panic unwinds, which ends the process.
pub(crate) fn panic_twice() -> ! {
    struct Second;
    impl Drop for Second {
        fn drop(&mut self) {
            panic!("the second one, on purpose");
        }
    }
    let _second = Second;
    panic!("the first one, on purpose")
}

/// Panics in the destructor of a thread-local value, which ends the process.
pub(crate) fn panic_in_thread_local() -> Result<Reply> {
    thread_local!(static HELD: Grenade = const { Grenade("in a thread-local destructor, on purpose") });
    let thread = std::thread::spawn(|| HELD.with(|_| ()));
    reply(format!("the thread ended, and this process lives: {:?}", thread.join().is_ok()))
}

/// Runs out of stack.
pub(crate) fn overflow_stack() -> Result<Reply> {
    fn deeper(depth: u64) -> u64 {
        let frame = std::hint::black_box([depth; 64]);
        if frame[0] == u64::MAX {
            return 0;
        }
        // The frame is read after the call, so that it cannot become a loop.
        deeper(depth + 1).wrapping_add(frame[7])
    }
    reply(deeper(std::hint::black_box(0)))
}

/// Sends so many chunks, then aborts.
pub(crate) fn abort_in_stream(chunks: u64) -> Chunks {
    Chunks::new(stream::iter((1..).map(move |number| match number > chunks {
        true => abort(),
        false => Chunk::json(&number),
    })))
}
