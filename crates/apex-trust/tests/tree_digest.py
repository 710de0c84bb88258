"""Tree digests `apx1`, taken without any code of this repository: one line for each directory on standard input.

    printf '%s\n' DIRECTORY... | python3 tree_digest.py

Each line reads `BLAKE3 SHA256 DIRECTORY`. SHA-256 is Python's own. BLAKE3 is written here after its paper (O'Connor,
Aumasson, Neves, Wilcox-O'Hearn: "BLAKE3, one function, fast everywhere", 2020), for bytes that are all at hand.
"""

import hashlib
import os
import stat
import struct
import sys

MASK = 0xFFFFFFFF
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
# Columns, then diagonals, of the state as a square of four by four.
QUARTERS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)


def rotate(word, by):
    return (word >> by | word << (32 - by)) & MASK


def compress(chaining, words, counter, length, flags):
    v = list(chaining) + list(IV[:4]) + [counter & MASK, counter >> 32, length, flags]
    for turn in range(7):
        for (a, b, c, d), x, y in zip(QUARTERS, words[0::2], words[1::2]):
            v[a] = (v[a] + v[b] + x) & MASK
            v[d] = rotate(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotate(v[b] ^ v[c], 12)
            v[a] = (v[a] + v[b] + y) & MASK
            v[d] = rotate(v[d] ^ v[a], 8)
            v[c] = (v[c] + v[d]) & MASK
            v[b] = rotate(v[b] ^ v[c], 7)
        words = [words[place] for place in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def chunk(data, counter, last_flags):
    chaining, blocks = IV, [data[at:at + 64] for at in range(0, len(data), 64)] or [b""]
    for number, block in enumerate(blocks):
        flags = (CHUNK_START if number == 0 else 0) | (CHUNK_END | last_flags if number == len(blocks) - 1 else 0)
        words = struct.unpack("<16I", block.ljust(64, b"\0"))
        chaining = compress(chaining, words, counter, len(block), flags)
    return chaining


def subtree(data, first, flags):
    if len(data) <= 1024:
        return chunk(data, first, flags)
    # The left side is the largest power of two of chunks that leaves at least a byte for the right one.
    left = 1024
    while left * 2 < len(data):
        left *= 2
    words = subtree(data[:left], first, 0) + subtree(data[left:], first + left // 1024, 0)
    return compress(IV, words, 0, 64, PARENT | flags)


def blake3(data):
    return struct.pack("<8I", *subtree(data, 0, ROOT))


def sha256(data):
    return hashlib.sha256(data).digest()


def tree_digest(directory, name, function):
    entries = []
    for folder, _, files in os.walk(directory):
        for file in files:
            full = os.path.join(folder, file)
            path = os.path.relpath(full, directory)
            if path != "plugin.json":
                entries.append((path.encode(), full))
    message = b"apex-plugins/tree/v1\0" + name + b"\0" + struct.pack("<I", len(entries))
    for path, full in sorted(entries):
        with open(full, "rb") as file:
            content = file.read()
        executable = os.stat(full).st_mode & stat.S_IXUSR != 0
        message += struct.pack("<I", len(path)) + path + struct.pack("<QB", len(content), executable) + function(content)
    return function(message).hex()


# The published test vectors of BLAKE3: bytes that count up to 250 again and again, by their number.
for count, expected in (
    (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
):
    found = blake3(bytes(at % 251 for at in range(count))).hex()
    assert found == expected, f"BLAKE3 of {count} bytes is {expected}, not {found}"

for line in sys.stdin:
    directory = line.rstrip("\n")
    print(tree_digest(directory, b"blake3", blake3), tree_digest(directory, b"sha256", sha256), directory)
