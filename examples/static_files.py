"""Static files: a folder, with caching, ranges and nothing outside it.

$ trioweb run examples/static_files.py
Open http://127.0.0.1:8000/
$ curl -r 0-14 http://127.0.0.1:8000/index.html
"""

from pathlib import Path

from trioweb import App
from trioweb.middleware import GZip, SecurityHeaders

PUBLIC = Path(__file__).parent / "public"  # a folder of its own: everything in it can be read by anyone

app = App()
app.middleware(SecurityHeaders())  # the first is the outermost: it sees each response last
app.middleware(GZip())
app.static("/", PUBLIC)
