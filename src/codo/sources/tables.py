"""Tables with images in them: Parquet and Arrow files, as Hugging Face's `datasets` and others write them.

An image is a row: the column has the bytes of its file, or a struct of ``bytes`` and ``path``, which gives the name.
Where a row has only a path, the image is that file. Rows are read in place like members of an archive. To list them,
the footer, the paths and the lengths of the images are read, and compressed pages as a whole.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from codo.catalog.reading import Location
from codo.core.errors import DAMAGE, InputError, first_line, nearest
from codo.core.paths import filesystem, is_url, join, parent
from codo.sources.arrow_files import image_spans
from codo.sources.folder import stamp
from codo.sources.listing import Member, clean_key, extension
from codo.sources.parquet_pages import Chunk, Read, Unreadable, locate
from codo.sources.spool import spool

TABLES = (".parquet", ".arrow")
BYTES, PATH = "bytes", "path"
"""Parts of the struct that an image is in `datasets`."""

_UNCOMPRESSED = "UNCOMPRESSED"
_CODECS = {"SNAPPY": "snappy", "GZIP": "gzip", "BROTLI": "brotli", "ZSTD": "zstd", "LZ4": "lz4_raw"}


def is_table(path: str) -> bool:
    """Whether the name is that of a table that may hold images."""
    return extension(path) in TABLES


def members(path: str, column: str | None = None) -> Collection[Member]:
    """The images in a table, in its order.

    Args:
        path: The file; Arrow files are local.
        column: The column that has them; ``None`` where there is only one.

    Raises:
        InputError: The file is damaged, or no column or several have images.
    """
    try:
        if extension(path) == ".arrow":
            return spool(_in_arrow(path, column))
        with _opened(path) as (file, read, time):
            return spool(_in_parquet(path, file, read, time, column))
    except (pa.ArrowException, Unreadable, OSError, *DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk or the network; pyarrow's errors about damage have no number
        raise InputError(
            f"the images in this table cannot be found ({first_line(error)})",
            where=path,
            fix="copy or download it again, or write it anew: table.to_parquet, or pyarrow.parquet.write_table",
        ) from error


def image_column(schema: pa.Schema, column: str | None, where: str) -> pa.Field:
    """The column of a table that holds images.

    Raises:
        InputError: There is none, there are several, or the one asked for is another.
    """
    found = [field for field in schema if _holds_images(field.type)]
    if column is not None:
        if column not in schema.names:
            fix = nearest(column, schema.names) or f"it has {_listed(schema)}"
            raise InputError(f"the table has no column '{column}'", where=where, fix=fix)
        found = [field for field in found if field.name == column]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(f"'{field.name}'" for field in found)
        fix = f"choose one: codo prepare … image_column={found[0].name}"
        raise InputError(f"{len(found)} columns may hold images: {names}", where=where, fix=fix)
    which = f"column '{column}' holds no" if column is not None else "no column holds"
    raise InputError(
        f"{which} bytes of images; the table has {_listed(schema)}",
        where=where,
        fix="give a table with the bytes of image files in a column (binary, or a struct with bytes); paths or URLs of "
        "images go into a .txt file, one a line",
    )


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(child.name == BYTES and _is_binary(child.type) for child in kind)
    return _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _listed(schema: pa.Schema) -> str:
    some = [f"{field.name} ({field.type})" for field in list(schema)[:8]]
    return ", ".join(some) + (f" and {len(schema) - 8} more" if len(schema) > 8 else "") if some else "no column"


def _in_parquet(path: str, file: IO[bytes], read: Read, time: int, column: str | None) -> Iterator[Member]:
    table = pq.ParquetFile(file)
    field = image_column(table.schema_arrow, column, path)
    has_path = pa.types.is_struct(field.type) and PATH in [child.name for child in field.type]
    leaf = f"{field.name}.{BYTES}" if pa.types.is_struct(field.type) else field.name
    row = 0
    for number in range(table.metadata.num_row_groups):
        group = table.metadata.row_group(number)
        index = next(i for i in range(group.num_columns) if group.column(i).path_in_schema == leaf)
        meta, levels = group.column(index), table.schema.column(index)
        if levels.max_repetition_level:
            raise Unreadable("a row has a list of images")
        if meta.compression not in (_UNCOMPRESSED, *_CODECS):
            raise Unreadable(f"compression {meta.compression}")
        first = meta.data_page_offset
        if meta.dictionary_page_offset:  # 0 from some writers that have none
            first = min(first, meta.dictionary_page_offset)
        codec = _CODECS.get(meta.compression, "")
        chunk = Chunk(first, meta.total_compressed_size, meta.num_values, codec, levels.max_definition_level)
        names: list[Any] = [None] * group.num_rows
        if has_path:
            structs = table.read_row_group(number, [f"{field.name}.{PATH}"]).column(0)
            names = structs.combine_chunks().flatten()[0].to_pylist()
        for location, name in zip(locate(read, path, chunk), names, strict=True):
            yield _member(path, row, location, name, time)
            row += 1


def _in_arrow(path: str, column: str | None) -> Iterator[Member]:
    if is_url(path):
        fix = "copy it, or write it as Parquet (to_parquet)"
        raise InputError("Arrow files are read from a local disk only", where=path, fix=fix)
    time, row = os.stat(path).st_mtime_ns, 0
    for spans, names in image_spans(path, lambda schema: image_column(schema, column, path)):
        for span, name in zip(spans, names, strict=True):
            yield _member(path, row, None if span is None else Location(path, *span), name, time)
            row += 1


def _member(path: str, row: int, location: Location | None, name: object, time: int) -> Member:
    """A row of a table as a member of the source; without a name its key is its number."""
    named = isinstance(name, str) and bool(clean_key(name))
    key = f"{path.rpartition('/')[2].rpartition('.')[0]}/{row:07d}"
    if named:
        assert isinstance(name, str)
        key = name.replace("\\", "/").rpartition("/")[2] if os.path.isabs(name) or is_url(name) else clean_key(name)
    if location is not None:
        return Member(key, location, time)
    if not named:
        return Member(key, Location(""), problem="missing: the row has neither bytes nor a path")
    assert isinstance(name, str)
    if is_url(name):  # a table from elsewhere does not choose what is downloaded
        return Member(key, Location(""), problem="missing: the row has a URL and no bytes (a .txt file may list URLs)")
    return Member(key, Location(join(parent(path), name)), time)


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], Read, int]]:
    """A file, a function that reads parts of it, and its time."""
    if is_url(path):
        fs, inner = filesystem(path)
        with fs.open(inner, "rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return bytes(file.read(size))

            yield cast(IO[bytes], file), read, stamp(fs.info(inner))
    else:
        with open(path, "rb") as file:
            handle = file.fileno()
            yield file, lambda offset, size: os.pread(handle, size, offset), os.stat(path).st_mtime_ns
