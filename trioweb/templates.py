"""Pages made from Jinja2 templates; needs the extra `templates`."""

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

    Values in a page are escaped for HTML, whatever the name of the template is; use
    `{{ text | safe }}` for text that is HTML already. A name without a value is an error
    (`jinja2.UndefinedError`) rather than a gap in the page.

    A template is read once, in a worker thread, together with those that it extends, includes
    and imports. If one of these is missing, that is remembered as well. A name that the template
    computes is known only while it is rendered, so its file is read then.

    Args:
        folder: Must exist. Anyone who can write to it can run code in this program.
        app: Gives templates its `url_for`.
        globals: Values and functions that all templates may use.
        reloads: Check before each rendering whether the files have changed; for development.

    Attributes:
        environment: The environment of Jinja2. Add filters and tests to it before the first
            rendering. Keep its loader, which reads files outside the event loop.

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
            raise ConfigError(f"templates need an existing folder, not {self._folder!r}")
        self.environment = jinja2.Environment(
            loader=jinja2.FunctionLoader(self._read),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
        )
        own: dict[str, Any] = {} if app is None else {"url_for": app.url_for}
        self.environment.globals.update(own | dict(globals or {}))
        self._reloads = reloads
        # Only normalised names are keys, so there are never more entries than files.
        self._loaded: dict[str, jinja2.Template] = {}
        self._files = jinja2.FileSystemLoader(self._folder)
        # The names that each file refers to, again at most one entry for each file; and those
        # of them that have no file.
        self._references: dict[str | None, list[str]] = {}
        self._missing: set[str] = set()

    async def render(self, name: str, /, **context: Any) -> HTML:
        """Render a template with `context`, and return the page.

        Args:
            name: Its path below the folder, with slashes. Never use a name that a client sent.
            context: The values that the template may use; they take precedence over globals.

        Raises:
            FileNotFoundError: The template, or one that it includes, does not exist.
            jinja2.TemplateError: It cannot be parsed, or uses a name that has no value.

        Cancellation: Safe and immediate, however long the disk takes.
        Concurrency: Any number of tasks. Rendering itself runs in this task without a pause.
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
                # Harmless if only {% include ... ignore missing %} asks for it; otherwise
                # rendering raises.
                self._missing.add(other)
        return template

    def _references_of(self, template: jinja2.Template) -> list[str]:
        return list(self._references.get(template.filename, ()))

    def _read(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        """Read a template for Jinja2, and record which others it extends, includes and imports."""
        import jinja2
        from jinja2 import meta

        if name in self._missing:
            raise jinja2.TemplateNotFound(name)
        source, path, is_current = self._files.get_source(self.environment, name)
        syntax = self.environment.parse(source, name, path)
        references = meta.find_referenced_templates(syntax)
        self._references[path] = [other for other in references if other is not None]
        return source, path, is_current
