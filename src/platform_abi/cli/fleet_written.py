"""What an engine answers of a fleet, written as CSV or Parquet: in pieces, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from platform_abi.errors import HostError

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from platform_abi.inventory.engine import Engine


def write_answer(engine: Engine, question: Table, form: str, output: str | None) -> None:
    """Write what *engine* answers to *question* in *form*, to the file *output* or to stdout.

    Raises HostError (``write-failed``) where that cannot be written; a file that was there is then
    as it was.
    """
    reader = engine.batches(question)
    with _stream(output) as stream, _writer(form, stream, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _writer(form: str, stream: IO[bytes], schema: Any) -> Any:
    if form == "csv":
        from pyarrow.csv import CSVWriter

        return CSVWriter(stream, schema)
    from pyarrow.parquet import ParquetWriter

    return ParquetWriter(stream, schema)


@contextlib.contextmanager
def _stream(output: str | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        return
    path = Path(output)
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.absolute().parent, prefix=f".{path.name}.", delete=False
        ) as stream:
            try:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            except BaseException:
                Path(stream.name).unlink()
                raise
        Path(stream.name).replace(path)
    except OSError as error:
        raise HostError(
            f"cannot write {output}: {error.strerror or error}", code="write-failed"
        ) from error
