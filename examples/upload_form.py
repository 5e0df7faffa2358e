"""Upload by form: a browser sends a file, and the server stores it under a name that it makes up.

$ trioweb run examples/upload_form.py
$ curl -F document=@README.md http://127.0.0.1:8000/upload
"""

import secrets

import trio

from trioweb import HTML, App, Limits, Request, Text

FOLDER = trio.Path("uploads")
PAGE = """<!doctype html><meta charset="utf-8"><title>Upload</title>
<form method="post" action="upload" enctype="multipart/form-data">
<input name="document" type="file" required> <button>Send</button></form>"""

app = App()


@app.get("/")
async def page(request: Request) -> HTML:
    return HTML(PAGE)


# A larger body gets 413. While it arrives, what exceeds 256 KiB is kept on disk, not in memory.
# A real program also limits the size of all stored files together.
@app.post("/upload", limits=Limits(body_bytes=10 * 1024 * 1024, form_files=1))
async def upload(request: Request) -> Text:
    form = await request.form()
    document = form.upload("document")  # without one the client gets 400
    # The client's name for the file may be anything, such as ../../etc/passwd. `safe_name` is a plain name.
    name = f"{secrets.token_hex(4)}-{document.safe_name}"
    await FOLDER.mkdir(exist_ok=True)
    await document.save(FOLDER / name)  # whole or not at all
    return Text(f"{name}: {document.size_bytes} bytes\n", 201)
