"""Pages made of Jinja2 templates; needs the extra `templates`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import trio

from trioweb._routing.router import Router
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
    imports. Only where such a name is computed, it is read while rendering.

    Args:
        folder: Must be there. Whoever may write into it may run code in this program.
        app: Gives templates its `url_for`.
        globals: What all templates may use, functions too.
        reloads: Look before each rendering whether the files have changed; for developing.

    Attributes:
        environment: Jinja2's own; add filters and tests to it before the first rendering.

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
            loader=jinja2.FileSystemLoader(self._folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=reloads,
        )
        own: dict[str, Any] = {} if app is None else {"url_for": app.url_for}
        self.environment.globals.update(own | dict(globals or {}))
        self._reloads = reloads
        # By normal names only, so that there are no more of them than files.
        self._loaded: dict[str, jinja2.Template] = {}

    async def render(self, name: str, /, **context: Any) -> HTML:
        """Return the page that a template makes of `context`.

        Args:
            name: Its path below the folder, with slashes. Never of what a client sent.
            context: What the template may use, before what is global.

        Raises:
            FileNotFoundError: It is not there, or one that it includes is not.
            jinja2.TemplateError: It cannot be read, or uses a name that has no value.

        Cancellation: Waits for the file system when it is not loaded yet.
        Concurrency: Any number of tasks. Rendering itself is done at once, in this task.
        """
        import jinja2

        try:
            template = self._loaded.get(name)
            if template is None or self._reloads:
                template = self._loaded[name] = await trio.to_thread.run_sync(self._load, name)
            else:
                await trio.lowlevel.checkpoint()
            return HTML(template.render(context))
        except jinja2.TemplateNotFound as error:
            raise FileNotFoundError(f"there is no template {error.name!r} in {self._folder!r}") from error

    def _load(self, name: str) -> jinja2.Template:
        import jinja2

        if name.startswith("/") or posixpath.normpath(name) != name:
            raise jinja2.TemplateNotFound(name)
        template = self.environment.get_template(name)
        pending, seen = [name], {name}
        while pending:
            for other in self._references(pending.pop()):
                if other not in seen:
                    seen.add(other)
                    pending.append(other)
                    self.environment.get_template(other)
        return template

    def _references(self, name: str) -> Iterator[str]:
        """Name the templates that one extends, includes or imports, if they are there."""
        from jinja2 import meta

        loader = self.environment.loader
        assert loader is not None
        source, _, _ = loader.get_source(self.environment, name)
        there = set(loader.list_templates())
        for other in meta.find_referenced_templates(self.environment.parse(source)):
            if other in there:  # {% include ... ignore missing %}, or an error that rendering tells
                yield other
