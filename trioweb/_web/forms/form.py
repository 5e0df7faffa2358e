"""A form that was filled in: its fields, and its files."""

from __future__ import annotations

from collections.abc import Iterable

from trioweb._web.forms.fields import Fields
from trioweb._web.forms.upload import Upload
from trioweb._web.multi_mapping import MultiMapping, shown


class Uploads(MultiMapping[Upload]):
    """The files of a form by the names of their fields; the first of each counts."""

    __slots__ = ()
    _source = "form"

    def _complaint(self, name: str) -> str:
        return f"the file {shown(name)} of the {self._source} is missing: expected an upload"

    def __init__(self, uploads: Iterable[Upload] = ()) -> None:
        super().__init__((upload.name, upload) for upload in uploads)


class Form(Fields):
    """The fields of a form as a mapping, and its files beside them.

    `form["name"]` is the first value of that name, `form.read("age", int)` a number.
    Any number of tasks may read it.

    Attributes:
        files: The uploads by name; `files.get_all("photos")` for an input that takes
            several. Where nobody chose a file, there is none.
    """

    __slots__ = ("files",)
    _source = "form"

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), uploads: Iterable[Upload] = ()) -> None:
        super().__init__(pairs)
        self.files = Uploads(uploads)

    def _complaint(self, name: str) -> str:
        if name in self.files:  # who is wrong, the client or the program, cannot be known
            return f"the field {shown(name)} of the form is a file, which form.upload({shown(name)}) gives"
        return super()._complaint(name)

    def __repr__(self) -> str:
        return f"Form({self._values!r}, files={list(self.files.values())!r})"

    def upload(self, name: str) -> Upload:
        """Return the first file of this name; for forms that make no sense without.

        Raises:
            HTTPError: 400, there is none.
        """
        return self.files[name]
