"""Pages made of Jinja2 templates; needs the extra `templates`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio

from trioweb._routing.router import Router
from trioweb._web.files import disk
from trioweb._web.response import HTML
from trioweb.errors import ConfigError

if TYPE_CHECKING:
    import jinja2


class Templates:
    """The templates of one folder.

    What is put into a page is escaped for HTML, whatever the template is called;
    `{{ text | safe }}` is for what is HTML already. A name without a value is an error
    (`jinja2.UndefinedError`) and no hole in the page.

    A template is read once, in a worker thread, with those that it extends, includes and
    imports; that one of these is not there is remembered, too. Only where such a name is
    computed, it is looked for while rendering.

    Args:
        folder: Must be there. Whoever may write into it may run code in this program.
        app: Gives templates its `url_for`.
        globals: What all templates may use, functions too.
        reloads: Look before each rendering whether the files have changed; for developing.

    Attributes:
        environment: Jinja2's own; add filters and tests to it before the first rendering, and
            leave it its loader, which keeps reading off the event loop.

    Raises:
        ConfigError: `folder` is not a folder.
        ImportError: Jinja2 is not installed.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        app: Router | None = None,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the name they have in Jinja2
        reloads: bool = False,
    ) -> None:
        try:
            import jinja2
        except ImportError as error:
            raise ImportError("templates need Jinja2: pip install trioweb[templates]") from error
        self._folder = os.fspath(folder)
        if not os.path.isdir(self._folder):
            raise ConfigError(f"templates need a folder that is there, and {self._folder!r} is none")
        self.environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(self._read),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
        )
        own: dict[str, Any] = {} if app is None else {"url_for": app.url_for}
        self.environment.globals.update(own | dict(globals or {}))
        self._reloads = reloads
        # By normal names only, so that there are no more of them than files.
        self._loaded: dict[str, jinja2.Template] = {}
        self._files = jinja2.FileSystemLoader(self._folder)
        # Those that stand in each file, of which there are no more than files as well; and the
        # ones among them for which there is no file.
        self._references: dict[str | None, list[str]] = {}
        self._missing: set[str] = set()

    async def render(self, name: str, /, **context: Any) -> HTML:
        """Return the page that a template makes of `context`.

        Args:
            name: Its path below the folder, with slashes. Never of what a client sent.
            context: What the template may use, before what is global.

        Raises:
            FileNotFoundError: It is not there, or one that it includes is not.
            jinja2.TemplateError: It cannot be read, or uses a name that has no value.

        Cancellation: Safe, and at once however long the disk takes.
        Concurrency: Any number of tasks. Rendering itself is done at once, in this task.
        """
        import jinja2

        try:
            template = self._loaded.get(name)
            if template is None or self._reloads:
                template = self._loaded[name] = await disk.call(self._load, name)
            else:
                await trio.lowlevel.checkpoint()
            return HTML(template.render(context))
        except jinja2.TemplateNotFound as error:
            raise FileNotFoundError(f"there is no template {error.name!r} in {self._folder!r}") from error

    def _load(self, name: str) -> jinja2.Template:
        import jinja2

        if name.startswith("/") or posixpath.normpath(name) != name:
            raise jinja2.TemplateNotFound(name)
        self._missing.discard(name)
        template = self.environment.get_template(name)
        pending, seen = self._references_of(template), {name}
        while pending:
            other = pending.pop()
            if other in seen:
                continue
            seen.add(other)
            self._missing.discard(other)
            try:
                pending += self._references_of(self.environment.get_template(other))
            except jinja2.TemplateNotFound:
                # {% include ... ignore missing %} may ask for it; else rendering tells.
                self._missing.add(other)
        return template

    def _references_of(self, template: jinja2.Template) -> list[str]:
        return list(self._references.get(template.filename, ()))

    def _read(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        """Read a template for Jinja2, and note which ones it extends, includes and imports."""
        import jinja2
        from jinja2 import meta

        if name in self._missing:
            raise jinja2.TemplateNotFound(name)
        source, path, is_current = self._files.get_source(self.environment, name)
        syntax = self.environment.parse(source, name, path)
        references = meta.find_referenced_templates(syntax)
        self._references[path] = [other for other in references if other is not None]
        return source, path, is_current
