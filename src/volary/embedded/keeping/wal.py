"""How many frames of its write-ahead log SQLite had begun, to tell whether one of them was left unfinished.

SQLite itself drops an unfinished tail without a word: after a log was opened, compare this number with how many frames
it took. A log is written over from its beginning, so frames of an earlier round may follow; their salts differ.

```
header, 32 bytes: magic, version, page size, round, two salts, checksum
frames, each: 24 bytes (page number, size, two salts, checksum) and a page
```

Source: SQLite, "WAL-mode File Format".
"""

from __future__ import annotations

from pathlib import Path

HEADER, FRAME_HEADER = 32, 24
PAGE_SIZE, SALTS, FRAME_SALTS = slice(8, 12), slice(16, 24), slice(8, 16)


def frames_in(path: Path) -> int:
    """Return how many frames of the log's present round there are, counting one that is cut short; 0 without a log."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(HEADER)
            if len(header) < HEADER:
                return 1 if header else 0
            frame = FRAME_HEADER + int.from_bytes(header[PAGE_SIZE], "big")
            count = 0
            while HEADER + count * frame < size:
                file.seek(HEADER + count * frame)
                salts = file.read(FRAME_HEADER)[FRAME_SALTS]
                if not header[SALTS].startswith(salts):  # of a header that is cut short, what is there of it
                    break
                count += 1
            return count
    except FileNotFoundError:
        return 0
