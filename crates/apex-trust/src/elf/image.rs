//! A library as the dynamic linker sees it: segments by address, and the dynamic table in them.

use object::{
    NativeEndian,
    elf::{self, Machine},
    read::{
        ReadRef,
        elf::{Dyn as _, FileHeader as _, ProgramHeader as _},
    },
};

use super::ElfError;

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<NativeEndian>;
#[cfg(not(target_pointer_width = "64"))]
type Header = elf::FileHeader32<NativeEndian>;
type ProgramHeader = <Header as object::read::elf::FileHeader>::ProgramHeader;
type Entry = <Header as object::read::elf::FileHeader>::Dyn;

/// How many entries a dynamic table may have; those of real libraries have some thirty.
const MAX_ENTRIES: u64 = 1024;

/// The smallest page that segments can be mapped by.
const SMALLEST_PAGE: u64 = 4096;

/// The machine that this program runs on.
const MACHINE: Machine = if cfg!(target_arch = "x86_64") {
    elf::EM_X86_64
} else if cfg!(target_arch = "aarch64") {
    elf::EM_AARCH64
} else if cfg!(target_arch = "x86") {
    elf::EM_386
} else if cfg!(target_arch = "arm") {
    elf::EM_ARM
} else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32")) {
    elf::EM_RISCV
} else if cfg!(target_arch = "loongarch64") {
    elf::EM_LOONGARCH
} else if cfg!(target_arch = "powerpc64") {
    elf::EM_PPC64
} else if cfg!(target_arch = "s390x") {
    elf::EM_S390
} else {
    // No library is fit for a machine that is not in this list.
    elf::EM_NONE
};

/// The segments and the dynamic table of a library, free of contradictions.
pub(super) struct Image<'data, R> {
    data: R,
    segments: Vec<Segment>,
    entries: &'data [Entry],
}

/// A part of the file that is mapped.
struct Segment {
    /// Its first address.
    start: u64,
    /// How many bytes of the file are mapped there.
    length: u64,
    /// Where they stand in the file.
    offset: u64,
    /// The first address of its first page.
    first_page: u64,
    /// The first address behind its last page.
    end: u64,
}

impl<'data, R: ReadRef<'data>> Image<'data, R> {
    pub(super) fn open(data: R) -> Result<Self, ElfError> {
        let header = open_header(data)?;
        let headers = header.program_headers(NativeEndian, data).map_err(|_| damaged("its segments are cut off"))?;
        let mut image = Self { data, segments: Vec::new(), entries: &[] };
        let mut dynamic = None;
        for header in headers {
            match header.p_type(NativeEndian) {
                elf::PT_LOAD => image.add_segment(header)?,
                elf::PT_DYNAMIC if dynamic.replace(header).is_some() => {
                    return Err(damaged("it has two dynamic tables"));
                }
                _ => {}
            }
        }
        image.entries = image.read_entries(dynamic.ok_or(damaged("it has no dynamic table"))?)?;
        Ok(image)
    }

    /// The entries of the dynamic table, without the one that ends it.
    pub(super) fn entries(&self) -> &'data [Entry] {
        self.entries
    }

    /// The text at an address, up to the zero byte that ends it.
    pub(super) fn string(&self, address: u64) -> Result<String, ElfError> {
        let lost = damaged("a name lies outside of what is mapped");
        let Some((offset, length)) = self.locate(address) else { return Err(lost) };
        match self.data.read_bytes_at_until(offset..offset + length, 0) {
            Ok(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            Err(()) => Err(lost),
        }
    }

    /// Where the bytes at an address stand in the file, and how many follow in the same segment.
    fn locate(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            let within = address.checked_sub(segment.start).filter(|within| *within < segment.length)?;
            Some((segment.offset + within, segment.length - within))
        })
    }

    fn add_segment(&mut self, header: &ProgramHeader) -> Result<(), ElfError> {
        let segment = Segment::read(header).ok_or(damaged("a segment has impossible bounds"))?;
        let file = self.data.len().map_err(|()| damaged("its length is unknown"))?;
        if segment.offset.checked_add(segment.length).is_none_or(|end| end > file) {
            return Err(damaged("it is shorter than its segments"));
        }
        if self.segments.last().is_some_and(|before| before.end > segment.first_page) {
            return Err(damaged("its segments are out of order or share a page"));
        }
        self.segments.push(segment);
        Ok(())
    }

    fn read_entries(&self, header: &ProgramHeader) -> Result<&'data [Entry], ElfError> {
        let lost = damaged("its dynamic table lies outside of what is mapped");
        let Some((offset, length)) = self.locate(wide(header.p_vaddr(NativeEndian))) else { return Err(lost) };
        // The linker goes by the address, many tools by the offset: they must not see two different tables.
        if offset != wide(header.p_offset(NativeEndian)) {
            return Err(damaged("its dynamic table stands in two places"));
        }
        let count = (length / size_of::<Entry>() as u64).min(MAX_ENTRIES) as usize;
        let entries: &[Entry] = self.data.read_slice_at(offset, count).map_err(|()| lost)?;
        let end = entries.iter().position(|entry| entry.tag(NativeEndian) == elf::DT_NULL);
        Ok(&entries[..end.ok_or(damaged("its dynamic table has no end"))?])
    }
}

impl Segment {
    fn read(header: &ProgramHeader) -> Option<Self> {
        let [start, length, offset, memory, align] = [
            header.p_vaddr(NativeEndian),
            header.p_filesz(NativeEndian),
            header.p_offset(NativeEndian),
            header.p_memsz(NativeEndian),
            header.p_align(NativeEndian),
        ]
        .map(wide);
        let fits = align.is_power_of_two() && align >= SMALLEST_PAGE && length <= memory;
        // Address and offset must be the same within a page, or nothing could be mapped.
        if !fits || start % align != offset % align {
            return None;
        }
        let end = start.checked_add(memory)?.checked_next_multiple_of(align)?;
        Some(Self { start, length, offset, first_page: start - start % align, end })
    }
}

fn open_header<'data>(data: impl ReadRef<'data>) -> Result<&'data Header, ElfError> {
    if data.read_bytes_at(0, elf::ELFMAG.len() as u64) != Ok(&elf::ELFMAG[..]) {
        return Err(ElfError::NotElf);
    }
    let header = data.read_at::<Header>(0).map_err(|()| damaged("it ends within its header"))?;
    let ident = header.e_ident();
    let machine = header.e_machine(NativeEndian);
    if (ident.class, ident.data) != (own_class(), own_order()) || machine != MACHINE {
        let expected = describe(MACHINE, own_class(), own_order());
        return Err(ElfError::WrongMachine { found: describe(machine, ident.class, ident.data), expected });
    }
    if !header.is_supported() {
        return Err(damaged("its version of ELF is unknown"));
    }
    match header.e_type(NativeEndian) {
        elf::ET_DYN => {}
        found => return Err(ElfError::NotShared { found: found.0 }),
    }
    // From this number on, the count stands elsewhere for some readers and is meant as it is for others.
    if header.e_phnum(NativeEndian) == elf::PN_XNUM {
        return Err(damaged("it has too many segments"));
    }
    Ok(header)
}

/// A word of the machine, which has 32 bits on some.
fn wide(word: impl Into<u64>) -> u64 {
    word.into()
}

const fn own_class() -> elf::FileClass {
    if cfg!(target_pointer_width = "64") { elf::ELFCLASS64 } else { elf::ELFCLASS32 }
}

const fn own_order() -> elf::DataEncoding {
    if cfg!(target_endian = "little") { elf::ELFDATA2LSB } else { elf::ELFDATA2MSB }
}

fn describe(machine: Machine, class: elf::FileClass, order: elf::DataEncoding) -> String {
    let width = match class {
        elf::ELFCLASS64 => "64 bits",
        elf::ELFCLASS32 => "32 bits",
        _ => "unknown width",
    };
    // A number in the other byte order is of no use.
    if order == own_order() {
        format!("machine {} with {width}", machine.0)
    } else {
        format!("another byte order with {width}")
    }
}

fn damaged(what: &'static str) -> ElfError {
    ElfError::Damaged { what }
}
