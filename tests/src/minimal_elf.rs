//! The smallest library that the dynamic linker takes, put together by hand; other crates' tests include this file.
#![allow(dead_code, reason = "each crate that includes this file uses a part of it")]
#![allow(unreachable_pub, reason = "public in the crate that owns it, private where it is included")]

/// A shared object of this machine (64 bits), which holds one segment, a dynamic table, names and some content.
///
/// The header takes 64 bytes, then come the headers of the segment and of the dynamic table, 56 bytes each, then the
/// table with 16 bytes an entry, then the names, then the content.
#[derive(Debug, Clone, Default)]
pub struct MinimalElf {
    entries: Vec<(u64, u64)>,
    names: Vec<u8>,
    content: Vec<u8>,
}

/// Where the first program header, the segment's, stands in the file.
pub const SEGMENT_HEADER: usize = 64;

/// Where the second program header, the dynamic table's, stands in the file.
pub const TABLE_HEADER: usize = SEGMENT_HEADER + 56;

/// Where the dynamic table stands in the file, and at which address it is mapped.
pub const TABLE: usize = TABLE_HEADER + 56;

/// `DT_NEEDED`, a library that the linker shall load as well.
pub const DT_NEEDED: u64 = 1;

/// `DT_STRTAB`, the address of the names.
pub const DT_STRTAB: u64 = 5;

/// `DT_SYMTAB`, the address of the symbols, which glibc asks for even if there are none: any address will do.
pub const DT_SYMTAB: u64 = 6;

impl MinimalElf {
    /// A library that needs nothing.
    pub fn new() -> Self {
        // The first name of every such list is empty.
        Self { names: vec![0], ..Self::default() }
    }

    /// A library that differs from others in its content alone.
    pub fn with_content(content: &[u8]) -> Vec<u8> {
        Self { content: content.to_vec(), ..Self::new() }.build()
    }

    /// Puts content at the end.
    #[must_use]
    pub fn content(mut self, content: &[u8]) -> Self {
        self.content = content.to_vec();
        self
    }

    /// Adds an entry that stands for a name, such as `DT_NEEDED`.
    #[must_use]
    pub fn naming(mut self, tag: u64, name: &str) -> Self {
        self.entries.push((tag, self.names.len() as u64));
        self.names.extend_from_slice(name.as_bytes());
        self.names.push(0);
        self
    }

    /// Adds an entry that stands for a number.
    #[must_use]
    pub fn entry(mut self, tag: u64, value: u64) -> Self {
        self.entries.push((tag, value));
        self
    }

    /// Puts the file together.
    pub fn build(&self) -> Vec<u8> {
        // Those that are given, DT_STRTAB, DT_STRSZ and DT_NULL.
        let table = (self.entries.len() + 3) * 16;
        let names = TABLE + table;
        let length = (names + self.names.len() + self.content.len()) as u64;
        let own = [(DT_STRTAB, names as u64), (10, self.names.len() as u64), (0, 0)];
        let mut file = header();
        file.extend(program_header(1, 0, length, 4096));
        file.extend(program_header(2, TABLE as u64, table as u64, 8));
        for (tag, value) in self.entries.iter().chain(&own) {
            file.extend(tag.to_ne_bytes());
            file.extend(value.to_ne_bytes());
        }
        file.extend_from_slice(&self.names);
        file.extend_from_slice(&self.content);
        file
    }
}

fn header() -> Vec<u8> {
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    let machine: u16 = match std::env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        "riscv64" => 243,
        "loongarch64" => 258,
        "powerpc64" => 21,
        "s390x" => 22,
        other => panic!("the tests know no ELF machine number of {other}"),
    };
    let mut header = b"\x7fELF\x02".to_vec();
    header.extend([order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // A shared object.
    header.extend(3_u16.to_ne_bytes());
    header.extend(machine.to_ne_bytes());
    header.extend(1_u32.to_ne_bytes());
    // No entry point, program headers behind this one, no sections.
    for word in [0, SEGMENT_HEADER as u64, 0] {
        header.extend(word.to_ne_bytes());
    }
    header.extend(0_u32.to_ne_bytes());
    for half in [64_u16, 56, 2, 64, 0, 0] {
        header.extend(half.to_ne_bytes());
    }
    header
}

/// A segment that is mapped, readable and writable, where it stands in the file.
fn program_header(kind: u32, offset: u64, length: u64, align: u64) -> Vec<u8> {
    let mut header = kind.to_ne_bytes().to_vec();
    header.extend(6_u32.to_ne_bytes());
    for word in [offset, offset, offset, length, length, align] {
        header.extend(word.to_ne_bytes());
    }
    header
}
