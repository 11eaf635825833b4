"""Archives that are the same, byte for byte, for the same content."""

import gzip
import io
import tarfile
import zipfile

# The earliest that a zip file can have.
EARLIEST = (1980, 1, 1, 0, 0, 0)


def write_zip(path, files):
    """`files` are contents by name; all are executable."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.create_system, entry.external_attr = 3, 0o100755 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 9)


def write_tar(path, folder, files):
    """`files` are contents and permissions by name, in a folder."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, (content, mode) in sorted(files.items()):
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
