"""A submitted form: its fields and its files."""

from __future__ import annotations

from collections.abc import Iterable

from trioweb._web.forms.fields import Fields
from trioweb._web.forms.upload import Upload
from trioweb._web.multi_mapping import MultiMapping, shown


class Uploads(MultiMapping[Upload]):
    """The files of a form, by the names of their fields; the first of each name counts."""

    __slots__ = ()
    _source = "form"

    def _complaint(self, name: str) -> str:
        return f"the file {shown(name)} of the {self._source} is missing: expected an upload"

    def __init__(self, uploads: Iterable[Upload] = ()) -> None:
        super().__init__((upload.name, upload) for upload in uploads)


class Form(Fields):
    """The fields of a form as a mapping, with its files in `files`.

    `form["name"]` is the first value of that name, `form.read("age", int)` a number.
    Any number of tasks may read the form.

    Attributes:
        files: The uploads by name. Use `files.get_all("photos")` for an input that takes
            several files. If the user chose no file, there is no entry.
    """

    __slots__ = ("files",)
    _source = "form"

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), uploads: Iterable[Upload] = ()) -> None:
        super().__init__(pairs)
        self.files = Uploads(uploads)

    def _complaint(self, name: str) -> str:
        if name in self.files:  # the mistake may be the client's or the program's: nobody can know
            return f"the field {shown(name)} of the form is a file, which form.upload({shown(name)}) gives"
        return super()._complaint(name)

    def __repr__(self) -> str:
        return f"Form({self._values!r}, files={list(self.files.values())!r})"

    def upload(self, name: str) -> Upload:
        """Return the first file of this name, which the form must have.

        Raises:
            HTTPError: 400 if there is no such file.
        """
        return self.files[name]
